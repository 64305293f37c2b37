"""A server's figures for Prometheus, in a registry of the server's own."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)


class Metrics:
    """Counters of one server; two in a process do not share them."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        self.requests = Counter(
            "lusifer_requests", "Requests answered.", ["path", "status"], registry=registry
        )
        self.seconds = Histogram(
            "lusifer_request_seconds",
            "Time from a request's head to the end of its answer.",
            ["path"],
            buckets=SECONDS,
            registry=registry,
        )
        self.under_way = Gauge(
            "lusifer_requests_under_way", "Requests being answered now.", registry=registry
        )
        self.texts = Counter(
            "lusifer_texts", "Texts whose vectors were given.", ["model"], registry=registry
        )
        self.tokens = Counter(
            "lusifer_tokens", "Tokens of those texts.", ["model"], registry=registry
        )
        self.pairs = Counter("lusifer_pairs", "Pairs that were reranked.", registry=registry)
        self.searches = Counter("lusifer_searches", "Questions to an index.", registry=registry)
        self.cache_hits = Counter(
            "lusifer_cache_hits", "Texts whose vectors were remembered.", registry=registry
        )
        self.refused = Counter(
            "lusifer_refused", "Requests told to come back (429).", registry=registry
        )
        self.gone = Counter(
            "lusifer_gone", "Requests whose client went before the answer.", registry=registry
        )
        self.batches = Histogram(
            "lusifer_batch_texts", "Texts computed together.", buckets=SIZES, registry=registry
        )
        self.waiting = Gauge("lusifer_waiting_texts", "Texts in the queue.", registry=registry)
        self.loaded = Gauge(
            "lusifer_models_loaded", "Models that are in memory.", registry=registry
        )

    def text(self) -> bytes:
        """What Prometheus reads."""
        return bytes(generate_latest(self.registry))
