"""`lusifer serve`."""

from __future__ import annotations

import typer

from lusifer.cli.options import BF16


def serve(
    models: list[str] = typer.Option(
        ["default"],
        "--model",
        "-m",
        help="A model's folder, hub id or endpoint, or NAME=MODEL; several times for several.",
    ),
    index: str = typer.Option(None, "--index", help="An index to search, with a page at /."),
    rerank: list[str] = typer.Option(
        None, "--rerank", help="A cross-encoder's folder or hub id, or NAME=MODEL."
    ),
    host: str = typer.Option("127.0.0.1", "--host", help="The address; 0.0.0.0 lets others in."),
    port: int = typer.Option(8080, "--port", help="0 takes a free one."),
    keys: str = typer.Option(
        None, "--keys", help="A file of API keys, one a line; else LUSIFER_SERVER_KEYS."
    ),
    uploads: str = typer.Option(
        None, "--uploads", help="A folder for files that the page's users add to the index."
    ),
    allow_host: list[str] = typer.Option(
        None,
        "--allow-host",
        help="A further name under which it may be asked for; with --host 0.0.0.0 no other is.",
    ),
    allow_origin: list[str] = typer.Option(
        None, "--allow-origin", help="Another site whose pages may ask: https://app.example.org."
    ),
    max_texts: int = typer.Option(2048, "--max-texts", help="Texts of one request."),
    max_tokens: int = typer.Option(300_000, "--max-tokens", help="Tokens of one request."),
    max_bytes: int = typer.Option(16 << 20, "--max-bytes", help="Bytes of one request."),
    max_waiting: int = typer.Option(
        1_000_000, "--max-waiting", help="Tokens in the queue; past them 429 is answered."
    ),
    timeout: float = typer.Option(60.0, "--timeout", help="Seconds of one request."),
    cache: int = typer.Option(128, "--cache", help="MiB of vectors to remember; 0 for none."),
    idle: float = typer.Option(
        0.0, "--idle", help="Seconds after which an unused model is unloaded; 0 keeps all."
    ),
    device: str = typer.Option(None, "--device", help="torch's name of one, e.g. cuda."),
    bf16: bool = BF16,
) -> None:
    """Serve models over HTTP as OpenAI and TEI do, and an index with a search page."""
    from lusifer.serving import Limits, serve as run

    limits = Limits(
        texts=max_texts,
        tokens=max_tokens,
        bytes=max_bytes,
        waiting=max_waiting,
        seconds=timeout,
        cache=cache << 20,
        idle=idle,
    )

    def ready(url: str) -> None:
        page = f", search page {url}/" if index else ""
        typer.echo(f"serving at {url} (API {url}/docs{page}); Ctrl-C ends it", err=True)

    run(
        models,
        index=index,
        rerank=rerank,
        host=host,
        port=port,
        keys=keys,
        limits=limits,
        hosts=allow_host,
        origins=allow_origin,
        uploads=uploads,
        ready=ready,
        device=device,
        bf16=bf16,
    )
