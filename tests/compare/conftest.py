from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from takeover.model.document import Document

SEEN: dict[str, Any] = {
    "status": 200,
    "reason": "OK",
    "protocol": "HTTP/1.1",
    "headers": [("server", "envoy"), ("x-auth-user", "alice"), ("content-length", "2")],
    "body": "ok",
    "end": "open",
    "log": [{"flags": "-", "status": 200}],
    "stats": {"http.one.downstream_rq_total": 1},
}
REQUEST = {"from": "client/client", "to": {"service": "v1/app", "port": 80}, "protocol": "http1", "method": "GET",
           "path": "/", "version": "1.1", "host": "probe.example"}  # fmt: skip


@pytest.fixture
def document() -> Callable[..., Document]:
    """Makes a document: `seen` changes what is seen of each of two probes, other words change the document."""

    def make(name: str, seen: dict[str, Any] | None = None, version: str = "", **changed: Any) -> Document:
        probes = [
            {"scenario": scenario, "probe": "edges/plain", "request": REQUEST, "seen": SEEN | (seen or {})}
            for scenario in ("one", "two")
        ]
        data = {
            "schema": 1,
            "written": "2026-11-25T10:00:00+00:00",
            "complete": True,
            "engine": "local",
            "envoy": {"name": name, "version": version or name, "commit": "abc", "build": "Clean", "sha256": "0f"},
            "probes": probes,
        }
        return msgspec.convert(data | changed, Document)

    return make
