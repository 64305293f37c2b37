"""Figures belong to one server, and Prometheus reads them."""

from __future__ import annotations

from lusifer.serving.metrics import Metrics


def test_two_servers_do_not_share_figures() -> None:
    one, other = Metrics(), Metrics()
    one.texts.labels("m").inc(3)
    one.seconds.labels("/embed").observe(0.02)
    assert b'lusifer_texts_total{model="m"} 3.0' in one.text()
    assert b'lusifer_request_seconds_bucket{le="0.025",path="/embed"} 1.0' in one.text()
    assert b'model="m"' not in other.text()
