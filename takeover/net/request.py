"""An HTTP request before a protocol gives it a form."""

from dataclasses import dataclass


@dataclass(frozen=True, eq=False)
class Request:
    """A structured request. `headers` and `trailers` are "Name: value", in order; Host is not among them."""

    method: str
    path: str
    version: str
    host: str
    headers: tuple[str, ...]
    body: str | None
    chunks: tuple[str, ...]
    trailers: tuple[str, ...]
