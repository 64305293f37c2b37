"""An endpoint in OpenAI's chat format, served here, that can be made to fail in every way a real
one does.
"""

from __future__ import annotations

import contextlib
import json
import re
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Fault = tuple[int, bytes | str, dict[str, str]]


def obedient(prompt: str) -> str:
    """What a good LLM would say: every key that the prompt asks for, about the text that it shows."""
    keys = re.findall(r'"(\w+)": "\.\.\."', prompt)
    text = prompt.split("Text: ")[-1].split("Sentence: ")[-1].split("\n")[0]
    return "Sure!\n```json\n" + json.dumps({key: f"{key} of {text[:30]}" for key in keys}) + "\n```"


class ChatServer:
    """`faults` are answers to give instead, next first; `say` makes the LLM's text from the prompt."""

    def __init__(self) -> None:
        self.faults: list[Fault | str] = []
        self.say: Callable[[str], str] = obedient
        self.asked: list[dict[str, Any]] = []
        self.times: list[float] = []
        self.at_once = self.most_at_once = 0
        self.slow = 0.0
        self.lock = threading.Lock()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with owner.lock:
                    owner.asked.append(body)
                    owner.times.append(time.monotonic())
                    owner.at_once += 1
                    owner.most_at_once = max(owner.most_at_once, owner.at_once)
                    fault = owner.faults.pop(0) if owner.faults else None
                time.sleep(owner.slow)
                with owner.lock:  # before the answer, after which the client may ask again at once
                    owner.at_once -= 1
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    self.reply(body, fault)

            def reply(self, body: dict[str, Any], fault: Fault | str | None) -> None:
                if fault == "hang":
                    time.sleep(1.0)
                    return
                if fault == "drip":
                    self.send_response(200)
                    self.end_headers()
                    for _ in range(10):
                        self.wfile.write(b" ")
                        self.wfile.flush()
                        time.sleep(0.1)
                    return
                if fault == "cut":
                    self.send_response(200)
                    self.send_header("Content-Length", "1000")
                    self.end_headers()
                    self.wfile.write(b'{"choices": [{"mess')
                    return
                said = owner.say(body["messages"][-1]["content"])
                answer = {
                    "choices": [{"message": {"content": said}}],
                    "usage": {"prompt_tokens": 10, "completion_tokens": 5},
                }
                status, data, headers = (
                    fault if isinstance(fault, tuple) else (200, json.dumps(answer), {})
                )
                raw = data.encode() if isinstance(data, str) else data
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, *_: Any) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_port}/v1#tiny"
        self.thread = threading.Thread(
            target=self.http.serve_forever, kwargs={"poll_interval": 0.02}
        )

    def __enter__(self) -> ChatServer:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()
