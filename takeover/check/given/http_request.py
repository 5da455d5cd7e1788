"""A request as others' files have it, made into the fields of a probe."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote, unquote, urljoin, urlsplit

from takeover.model.json import JsonObject

# The probe says them itself, or its protocol has none.
_OF_THE_CONNECTION = re.compile(
    r"host|content-length|transfer-encoding|connection|keep-alive|proxy-connection|upgrade|te"
)


@dataclass(frozen=True)
class HttpRequest:
    """One request.

    Args:
        entry: the fields of a probe that it has.
        host: whom it is for, without the port.
        line: where it is written.
    """

    entry: JsonObject
    host: str
    port: int | None
    is_tls: bool
    line: int | None


@dataclass(frozen=True)
class Url:
    """What a URL says. Raises ValueError for one that is of no HTTP, or none."""

    scheme: str
    authority: str
    host: str
    port: int | None
    path: str
    user: str = ""
    """A name, or name and password with a colon between."""

    @classmethod
    def of(cls, text: str, *, as_it_is: bool = False) -> "Url":
        """`as_it_is`: its path keeps `..` and `.`."""
        parts = urlsplit(text if "://" in text else f"http://{text}")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"no URL of HTTP: {text[:80]}")
        path = parts.path or "/"
        if not as_it_is:
            path = urljoin("http://x/", path).removeprefix("http://x") if "/." in path else path
        whole = f"{path}?{parts.query}" if parts.query or text.split("#", maxsplit=1)[0].endswith("?") else path
        safe = quote(whole, safe="!\"#$%&'()*+,/:;<=>?@[\\]^`{|}~")
        user, _, authority = parts.netloc.rpartition("@")
        return cls(parts.scheme, authority, parts.hostname, parts.port, safe, unquote(user))

    @property
    def is_tls(self) -> bool:
        return self.scheme == "https"

    @property
    def dialled(self) -> int:
        """The port, also where it is the usual one."""
        return self.port or (443 if self.is_tls else 80)


def http_request(
    *,
    method: str,
    path: str,
    authority: str,
    headers: Iterable[tuple[str, str]] = (),
    body: str | None = None,
    http2: bool = False,
    version: str = "1.1",
    tls: JsonObject | None = None,
    port: int | None = None,
    line: int | None = None,
) -> HttpRequest:
    """The request with those parts; `port`: that it goes to, if the authority does not say."""
    entry: JsonObject = {"protocol": "http2"} if http2 else {}
    if not http2 and version != "1.1":
        entry["version"] = version
    entry |= {"method": method} if method != "GET" else {}
    entry |= {"path": as_bytes(path), "host": as_bytes(authority)}
    kept = [(name, value) for name, value in headers if not _OF_THE_CONNECTION.fullmatch(name.lower())]
    if kept:
        entry["headers"] = [as_bytes(f"{name.lower() if http2 else name}: {value}") for name, value in kept]
    if body is not None:
        entry["body"] = as_bytes(body)
    if tls is not None:
        entry["tls"] = tls
    host, said = split_authority(authority)
    return HttpRequest(entry, host, port or said, tls is not None, line)


def tls_for(host: str, *, http2: bool) -> JsonObject:
    """What a client offers that asks the host: its name, unless it is an address, and its protocols."""
    offered: JsonObject = {"alpn": ["h2", "http/1.1"] if http2 else ["http/1.1"]}
    is_address = re.fullmatch(r"[\d.]+|[0-9a-fA-F:]*:[0-9a-fA-F:.]*", host) is not None
    return offered if is_address or not host else {"server_name": host, **offered}


def split_authority(authority: str) -> tuple[str, int | None]:
    """Host and port of an authority; of an IPv6 address without its brackets."""
    found = re.fullmatch(r"\[([^\]]*)\](?::(\d+))?|([^:]*)(?::(\d+))?", authority)
    if found is None:
        return authority, None
    port = found[2] or found[4]
    return found[1] or found[3] or "", int(port) if port and int(port) < 65536 else None


def as_bytes(text: str) -> str:
    """As probes have texts: a character for each byte."""
    return text.encode("utf-8", "surrogatepass").decode("latin-1")
