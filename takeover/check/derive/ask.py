"""A request as the model of routes sees it, and the entry of probes.yaml that sends it."""

from collections.abc import Mapping
from typing import Any

import msgspec

_PSEUDO = (":method", ":path", ":authority", ":scheme", "host")


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """A request.

    Args:
        host: its authority, as it is sent.
        path: with its query.
        headers: names in small letters, values.
        extra: fields of a probe's entry that the model of routes has no use for.
        secure: whether it comes over TLS.
    """

    host: str
    path: str = "/"
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    protocol: str = "http1"
    extra: tuple[tuple[str, Any], ...] = ()
    secure: bool = False

    @property
    def key(self) -> tuple[str, str, str, tuple[tuple[str, str], ...]]:
        """What routes see of it."""
        return self.host, self.path, self.method, self.headers

    @property
    def bare_path(self) -> str:
        """The path without query and fragment, as routes match it."""
        return self.path.split("?", 1)[0].split("#", 1)[0]

    @property
    def query(self) -> dict[str, str]:
        """The parameters of the query: of those of one name the first."""
        found: dict[str, str] = {}
        for each in self.path.partition("?")[2].split("&"):
            name, _, value = each.partition("=")
            if name:
                found.setdefault(name, value)
        return found

    @property
    def cookies(self) -> dict[str, str]:
        """The cookies: of those of one name the first."""
        found: dict[str, str] = {}
        for each in (self.header("cookie") or "").split(";"):
            name, sign, value = each.strip().partition("=")
            if sign:
                found.setdefault(name, value)
        return found

    def header(self, name: str) -> str | None:
        """Its value, several ones as a list; None if there is none."""
        name = name.lower()
        if name in _PSEUDO:
            scheme = "https" if self.secure else "http"
            of = {":method": self.method, ":path": self.path, ":scheme": scheme}
            return of.get(name, self.host)
        values = [value for each, value in self.headers if each == name]
        return ",".join(values) if values else None

    def with_header(self, name: str, value: str) -> "Ask":
        """With the header in the place of others of its name; `:method`, `:path` and `:authority` are such, too."""
        name = name.lower()
        match name:
            case ":method":
                return self.but(method=value)
            case ":path":
                return self.but(path=value)
            case ":authority" | "host":
                return self.but(host=value)
        return self.but(headers=(*self.without_header(name).headers, (name, value)))

    def without_header(self, name: str) -> "Ask":
        """Without the header."""
        return self.but(headers=tuple(each for each in self.headers if each[0] != name.lower()))

    def with_query(self, name: str, value: str | None) -> "Ask":
        """With the parameter in the place of others of its name; None: without it."""
        path, _, query = self.path.partition("?")
        parts = [each for each in query.split("&") if each and each.partition("=")[0] != name]
        if value is not None:
            parts.append(f"{name}={value}")
        return self.but(path=f"{path}?{'&'.join(parts)}" if parts else path)

    def with_bare_path(self, path: str) -> "Ask":
        """With another path and the same query."""
        query = self.path.partition("?")[2]
        return self.but(path=f"{path}?{query}" if query else path)

    def with_cookie(self, name: str, value: str | None) -> "Ask":
        """With the cookie in the place of others of its name; None: without it."""
        kept = {each: its for each, its in self.cookies.items() if each != name}
        if value is not None:
            kept[name] = value
        if not kept:
            return self.without_header("cookie")
        return self.with_header("cookie", "; ".join(f"{each}={its}" for each, its in kept.items()))

    def but(self, **changes: Any) -> "Ask":
        """The same with other fields."""
        return msgspec.structs.replace(self, **changes)

    def entry(self) -> dict[str, Any]:
        """Its fields in an entry of probes.yaml, without those that are the default."""
        written: dict[str, Any] = {}
        if self.protocol != "http1":
            written["protocol"] = self.protocol
        if self.protocol == "connect":
            written["target"] = self.host
        else:
            if self.method != "GET":
                written["method"] = self.method
            if self.path != "/":
                written["path"] = self.path
            written["host"] = self.host
        if self.headers:
            written["headers"] = [f"{name}: {value}" for name, value in self.headers]
        return {**written, **dict(self.extra)}


def of_entry(entry: Mapping[str, Any], host: str, *, secure: bool) -> Ask | None:
    """The request that an entry sends; None where it sends more than one, or no request that a route could match."""
    if not isinstance(entry.get("method", "GET"), str) or not isinstance(entry.get("path", "/"), str):
        return None
    if entry.get("protocol", "http1") not in {"http1", "http2"} or "steps" in entry:
        return None
    written = entry.get("host", host)
    headers = entry.get("headers", ())
    if not isinstance(written, str) or not all(isinstance(each, str) and ":" in each for each in headers):
        return None
    named = [each.partition(":") for each in headers]
    return Ask(
        host=written,
        path=entry.get("path", "/"),
        method=entry.get("method", "GET"),
        headers=tuple((name.strip().lower(), value.strip()) for name, _, value in named),
        protocol=entry.get("protocol", "http1"),
        extra=tuple((key, entry[key]) for key in entry if key not in _MODELLED),
        secure=secure,
    )


_MODELLED = {"name", "host", "path", "method", "headers", "protocol"}
