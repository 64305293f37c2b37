"""A fault is one line in the form of the API that was asked."""

from __future__ import annotations

import json

from lusifer.serving.faults import Fault


def test_openai_and_tei_forms() -> None:
    fault = Fault(400, "this\nis  wrong", "code")
    said = json.loads(fault.body("/v1/embeddings"))["error"]
    assert said == {
        "message": "this is wrong",
        "type": "invalid_request_error",
        "param": None,
        "code": "code",
    }
    assert json.loads(fault.body("/embed")) == {
        "error": "this is wrong",
        "error_type": "validation",
    }
    assert json.loads(Fault(429, "busy").body("/rerank"))["error_type"] == "overloaded"
    assert json.loads(Fault(500, "x").body("/v1/search"))["error"]["type"] == "server_error"


def test_headers_and_half_characters() -> None:
    assert Fault(429, "busy", retry_after=0.2).headers() == {"Retry-After": "1"}
    assert Fault(429, "busy", retry_after=7.2).headers() == {"Retry-After": "8"}
    assert "WWW-Authenticate" in Fault(401, "key").headers()
    assert json.loads(Fault(400, "half \ud800").body("/x"))["error"]["message"] == "half ?"
