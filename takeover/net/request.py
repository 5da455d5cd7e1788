"""An HTTP request before a protocol gives it a form."""

from dataclasses import dataclass


@dataclass(frozen=True, eq=False)
class Request:
    """A structured request. `headers` and `trailers` are "Name: value", in order, without Host (`host`; None: none)."""

    method: str
    path: str
    version: str
    host: str | None
    headers: tuple[str, ...]
    body: str | None
    chunks: tuple[str, ...]
    trailers: tuple[str, ...]
