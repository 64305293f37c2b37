"""Many prompts to an LLM: several at once, no faster than allowed, each answer on disk as soon as
it is there.

Method: worker threads ask an endpoint in OpenAI's chat format; a request's answer is appended to a
journal under a hash of the request, so that a run that was killed pays again only for what was
under way (`concurrency` requests at most). Cost: the endpoint's. Answers come out in the order of
the requests.
"""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import IO, Any

from lusifer.config import refuse_nan
from lusifer.errors import LusiferError, ModelError
from lusifer.io import BUSY, WAITS, EndpointError, disk_errors, post

PATIENCE = 3  # requests in a row without an answer, after all their retries, that end a run
GARBAGE = "no answer in the chat format"
NOTHING = "no answer after all retries"


@dataclass(frozen=True)
class Endpoint:
    """`url` is `https://host/v1#name`; `rpm` requests a minute at most (null: any), `concurrency`
    at a time.
    """

    url: str
    concurrency: int = 8
    rpm: float | None = None
    timeout: float = 120.0
    temperature: float = 0.7
    max_tokens: int = 1024

    def __post_init__(self) -> None:
        refuse_nan(self)
        if not self.url.startswith(("http://", "https://")):
            raise LusiferError(
                f"the endpoint is {self.url!r}; write its URL and model, e.g. http://localhost:8000/v1#name"
            )
        if (
            self.concurrency < 1
            or (self.rpm is not None and self.rpm <= 0)
            or self.timeout <= 0
            or self.max_tokens < 1
        ):
            raise LusiferError(
                "concurrency and max_tokens must be 1 or more, rpm and timeout above 0"
            )

    def body(self, messages: list[dict[str, str]]) -> dict[str, Any]:
        """A request."""
        model = self.url.partition("#")[2]
        settings = {"temperature": self.temperature, "max_tokens": self.max_tokens}
        return {"messages": messages, **settings} | ({"model": model} if model else {})


@dataclass(frozen=True)
class Answer:
    """An LLM's text, or None and why there is none; its tokens as the endpoint counts them; whether
    it was there already.
    """

    text: str | None
    fault: str = ""
    prompt_tokens: int = 0
    answer_tokens: int = 0
    kept: bool = False


class Journal:
    """Answers in a file, a line each, by their request's hash. A last line that was cut short is
    dropped.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self.known: dict[str, tuple[int, int]] = {}  # where in the file
        self._lock = threading.Lock()
        with disk_errors(file):
            file.parent.mkdir(parents=True, exist_ok=True)
            self._stream: IO[bytes] = file.open("a+b")
        self._stream.seek(0)
        whole = 0
        for line in self._stream:
            try:
                key = json.loads(line)["key"] if line.endswith(b"\n") else None
            except (ValueError, KeyError, TypeError):
                key = None
            if key is None:
                break
            self.known[key] = (whole, len(line))
            whole += len(line)
        self._stream.truncate(whole)
        self._end = whole

    def get(self, key: str) -> Answer | None:
        """The answer that is there."""
        with self._lock:
            if key not in self.known:
                return None
            offset, size = self.known[key]
            self._stream.seek(offset)
            kept = json.loads(self._stream.read(size))
        return Answer(kept["text"], prompt_tokens=kept["in"], answer_tokens=kept["out"], kept=True)

    def put(self, key: str, answer: Answer) -> None:
        """Write an answer, at once."""
        line = (
            json.dumps(
                {
                    "key": key,
                    "text": answer.text,
                    "in": answer.prompt_tokens,
                    "out": answer.answer_tokens,
                }
            )
            + "\n"
        ).encode()
        with self._lock, disk_errors(self.file):
            self._stream.write(line)
            self._stream.flush()
            self.known[key] = (self._end, len(line))
            self._end += len(line)

    def close(self) -> None:
        """Close the file."""
        self._stream.close()


class Pace:
    """Lets requests through no faster than so many a minute."""

    def __init__(self, rpm: float | None) -> None:
        self.gap, self._next, self._lock = 60 / rpm if rpm else 0.0, 0.0, threading.Lock()

    def wait(self, stopped: threading.Event) -> None:
        """Hold the caller until its turn, or until all stop."""
        with self._lock:
            turn = max(time.monotonic(), self._next)
            self._next = turn + self.gap
        stopped.wait(max(0.0, turn - time.monotonic()))


def ask(
    requests: Iterable[list[dict[str, str]]], endpoint: Endpoint, journal: Journal
) -> Generator[Answer, None, None]:
    """An answer for each request, in order. Raises ModelError where the endpoint refuses, or
    answers nothing any more.
    """
    pace, stopped = Pace(endpoint.rpm), threading.Event()
    waiting: deque[tuple[str, Future[Answer] | None]] = deque()
    under_way: dict[str, Future[Answer]] = {}
    silent = 0
    pool = ThreadPoolExecutor(endpoint.concurrency, thread_name_prefix="ask")

    def one(key: str, body: dict[str, Any]) -> Answer:
        pace.wait(stopped)
        if stopped.is_set():
            return Answer(None, NOTHING)
        try:
            answer = _asked(endpoint, body, stopped)
        except EndpointError:  # a refusal, of all that would come after it too
            stopped.set()
            raise
        if answer.text is not None:
            journal.put(key, answer)
        return answer

    def first() -> Answer:
        nonlocal silent
        key, future = waiting.popleft()
        if future is None:
            kept = journal.get(key)
            assert kept is not None
            return kept
        answer = future.result()
        under_way.pop(key, None)
        silent = silent + 1 if answer.fault.startswith(NOTHING) else 0
        if silent >= PATIENCE:
            raise ModelError(
                f"{endpoint.url}: {answer.fault}, {silent} requests in a row; what was answered is kept, run it again to go on"
            )
        return answer

    try:
        for messages in requests:
            body = endpoint.body(messages)
            key = blake2b(json.dumps(body, sort_keys=True).encode(), digest_size=16).hexdigest()
            if key in journal.known:
                waiting.append((key, None))
            else:  # a request that is under way already is not made twice
                under_way[key] = under_way.get(key) or pool.submit(one, key, body)
                waiting.append((key, under_way[key]))
            while len(waiting) >= 4 * endpoint.concurrency:
                yield first()
        while waiting:
            yield first()
    finally:
        stopped.set()
        pool.shutdown(wait=True, cancel_futures=True)


def _asked(endpoint: Endpoint, body: dict[str, Any], stopped: threading.Event) -> Answer:
    """One request. What asking again may mend is an Answer with a fault; a refusal (a wrong key,
    URL or model) is raised.
    """
    url = endpoint.url.partition("#")[0].rstrip("/")
    url = url if url.endswith("/chat/completions") else url + "/chat/completions"
    try:
        found = post(url, body, endpoint.timeout, WAITS, stopped)
    except EndpointError as error:
        if error.status == 200:
            return Answer(None, GARBAGE)
        if error.status is None or error.status in BUSY:
            return Answer(None, f"{NOTHING} ({error.what})")
        raise
    try:
        text = found["choices"][0]["message"]["content"]
        used = found.get("usage") or {}
        if not isinstance(text, str):
            raise TypeError
        return Answer(
            text,
            prompt_tokens=int(used.get("prompt_tokens") or 0),
            answer_tokens=int(used.get("completion_tokens") or 0),
        )
    except (KeyError, IndexError, TypeError, ValueError, AttributeError):
        return Answer(None, GARBAGE)
