"""The server under load: many clients at once, each asking for one short text after another, none
asked for before; answers by status, times, texts a second, and the server's memory over time.

With `--peer` the same load on sentence-transformers behind FastAPI with the same model, in turns with
ours: the plain server that people write, one `encode` a request in FastAPI's threads.

`--mixed` is a day's traffic: pauses between requests, some of many texts, some that are broken, some
whose client goes before the answer; for the memory over an hour.

python benchmarks/serve.py --clients 1000 --seconds 600
python benchmarks/serve.py --clients 64 --seconds 3600 --mixed --cache 16
python benchmarks/serve.py --model out/multilingual-e5-small --clients 64 --seconds 60 --peer
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import subprocess
import sys
import threading
import time
from collections import Counter
from importlib.resources import files
from pathlib import Path

import numpy as np

PEER = """
import sys
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from sentence_transformers import SentenceTransformer
model = SentenceTransformer(sys.argv[1], device="cpu")
app = FastAPI()
class Asked(BaseModel):
    input: list[str]
@app.post("/v1/embeddings")
def embeddings(asked: Asked):
    vectors = model.encode(asked.input, normalize_embeddings=True)
    return {"data": [{"index": i, "embedding": row.tolist()} for i, row in enumerate(vectors)]}
print("serving at http://127.0.0.1:8799", file=sys.stderr, flush=True)
uvicorn.run(app, host="127.0.0.1", port=8799, log_level="warning", backlog=4096)
"""


def sentences() -> list[str]:
    """Short sentences in fourteen languages, from the demo's library."""
    lines = files("lusifer").joinpath("assets/corpus.tsv").read_text("utf-8").splitlines()
    return [line.split("\t")[2] for line in lines]


async def one_client(
    address: tuple[str, int],
    number: int,
    end: float,
    texts: list[str],
    seen: list[tuple[int, float]],
    mixed: bool,
) -> None:
    """Ask again and again over one connection until the time is over."""
    draw = random.Random(number)
    reader = writer = None
    while time.monotonic() < end:
        if writer is None:
            reader, writer = await asyncio.open_connection(*address)
        text = f"{draw.choice(texts)} {number}.{draw.randrange(10**9)}"
        kind = draw.random() if mixed else 1.0
        body = json.dumps(
            {"input": [text] if kind > 0.05 else [f"{text} {i}" for i in range(32)]}
        ).encode()
        if 0.05 < kind < 0.08:
            body = body[:-2]  # no JSON any more
        head = (
            f"POST /v1/embeddings HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        began = time.perf_counter()
        try:
            writer.write(head.encode() + body)
            if 0.08 < kind < 0.1:
                await writer.drain()
                raise ConnectionAbortedError
            status_line = await reader.readline()
            status = int(status_line.split()[1]) if status_line else 0
            length, wait = 0, 0.0
            while (line := await reader.readline()) not in (b"\r\n", b""):
                name, _, value = line.decode("latin-1").partition(":")
                if name.lower() == "content-length":
                    length = int(value)
                if name.lower() == "retry-after":
                    wait = float(value)
            await reader.readexactly(length)
        except (OSError, asyncio.IncompleteReadError, IndexError) as error:
            status, wait = -1 if isinstance(error, ConnectionAbortedError) else 0, 0.0
            writer.close()
            writer = None
        seen.append((status, time.perf_counter() - began))
        if wait or mixed:
            await asyncio.sleep((wait or 2.0) * draw.uniform(0.5, 1.0))
    if writer is not None:
        writer.close()


async def load(
    url: str, clients: int, seconds: float, mixed: bool = False
) -> tuple[list[tuple[int, float]], float]:
    host, port = url.removeprefix("http://").split(":")
    seen: list[tuple[int, float]] = []
    texts = sentences()
    began = time.monotonic()
    end = began + seconds
    await asyncio.gather(
        *(one_client((host, int(port)), i, end, texts, seen, mixed) for i in range(clients))
    )
    return seen, time.monotonic() - began


def resident(pid: int) -> float:
    """MB of memory that a process holds."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def measure(
    name: str, command: list[str], clients: int, seconds: float, mixed: bool
) -> dict[str, object]:
    """Start a server, load it, end it."""
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr
    url = None
    for line in process.stderr:
        if found := re.search(r"serving at (http://[\d.:]+)", line):
            url = found[1]
            break
    if url is None:
        raise SystemExit(f"{name} did not start")
    threading.Thread(target=lambda: [None for _ in process.stderr or ()], daemon=True).start()
    time.sleep(2)
    memory: list[float] = []
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(min(5.0, seconds / 20)):
            memory.append(resident(process.pid))

    asyncio.run(load(url, min(clients, 16), min(5.0, seconds)))  # warm
    watcher = threading.Thread(target=watch)
    watcher.start()
    seen, took = asyncio.run(load(url, clients, seconds, mixed))
    stop.set()
    watcher.join()
    process.terminate()
    process.wait(90)
    good = np.array([time for status, time in seen if status == 200] or [np.nan])
    parts = [part for part in np.array_split(np.array(memory), 6) if len(part)]
    return {
        "server": name,
        "clients": clients,
        "seconds": round(took, 1),
        "statuses": dict(sorted(Counter(str(status) for status, _ in seen).items())),
        "texts a second": round(int(np.isfinite(good).sum()) / took, 1),
        "p50 ms": round(float(np.median(good)) * 1000, 1),
        "p99 ms": round(float(np.quantile(good, 0.99)) * 1000, 1),
        "memory MB, by sixths of the time": [round(float(part.mean()), 1) for part in parts],
        "memory MB, largest": round(max(memory), 1),
    }


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--model", default="default")
    arguments.add_argument("--clients", type=int, default=1000)
    arguments.add_argument("--seconds", type=float, default=60)
    arguments.add_argument("--rounds", type=int, default=1)
    arguments.add_argument("--peer", action="store_true")
    arguments.add_argument("--mixed", action="store_true")
    arguments.add_argument("--cache", type=int, default=128, help="MiB of vectors of our server.")
    arguments.add_argument("--into", default="out/serve.json")
    asked = arguments.parse_args()
    ours = [sys.executable, "-m", "lusifer", "serve", "-m", f"m={asked.model}", "--port", "0"]
    ours += ["--cache", str(asked.cache)]
    servers = {"lusifer": ours}
    if asked.peer:
        servers["sentence-transformers + FastAPI"] = [sys.executable, "-c", PEER, asked.model]
    rows = []
    for _ in range(asked.rounds):
        for name, command in servers.items():
            rows.append(measure(name, command, asked.clients, asked.seconds, asked.mixed))
            print(json.dumps(rows[-1]), flush=True)
    speeds = {
        name: float(np.mean([row["texts a second"] for row in rows if row["server"] == name]))
        for name in servers
    }
    result = {"model": asked.model, "cores": len(os.sched_getaffinity(0)), "rows": rows}
    if asked.peer:
        mine, theirs = speeds.values()
        result["ratio"] = round(mine / theirs, 2)
        print(f"texts a second, ours to theirs: {result['ratio']}")
    Path(asked.into).parent.mkdir(parents=True, exist_ok=True)
    Path(asked.into).write_text(json.dumps(result, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
