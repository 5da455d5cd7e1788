"""A request as the model of routes sees it, and the entry of probes.yaml that sends it."""

import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

import msgspec

from takeover.check.derive.origin import Origin
from takeover.check.derive.sanitizing import PROTO, SCHEMES, Sanitizing, Values


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """A request.

    Args:
        host: its authority, as it is sent.
        path: with its query.
        headers: names in small letters, values.
        extra: fields of a probe's entry that the model of routes has no use for.
        secure: whether it comes over TLS.
        presented: whether the client shows a certificate.
        validated: whether that one is checked, and trusted.
        principals: the names in it.
        address: where its connection goes, as Envoy sees it; empty: that is not known.
        port: likewise; 0: that is not known.
        server_name: for which it asks in TLS; empty: for none.
        sanitizing: what becomes of its headers before routes see it.
        origin: where its connection comes from.
        answered: the status with which its upstream is told to answer; empty: it does as the path says, by 200.
    """

    host: str
    path: str = "/"
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    protocol: str = "http1"
    extra: tuple[tuple[str, Any], ...] = ()
    secure: bool = False
    presented: bool = False
    validated: bool = False
    principals: tuple[str, ...] = ()
    address: str = ""
    port: int = 0
    server_name: str = ""
    sanitizing: Sanitizing = Sanitizing()
    origin: Origin = Origin()
    answered: str = ""

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
        """Its value as routes see it, several ones as a list; None if there is none. Of several it may be the first."""
        return self.values(name)[0]

    def values(self, name: str) -> Values:
        """What routes may see there: one value but where Envoy says there what nobody knows beforehand."""
        name = name.lower()
        match name:
            case ":method":
                return (self.method,)
            case ":path":
                return (self.path,)
            case ":authority" | "host":
                return (self.host,)
        if name in (PROTO, ":scheme"):
            proto = self.sanitizing.of_proto(self.sent(PROTO), is_secure=self.secure)
            if name == PROTO:
                return (proto,)
            # HTTP/2 has its own; another one than these is none.
            is_told = proto in SCHEMES and (self.protocol == "http1" or bool(self.sanitizing.scheme))
            return (proto if is_told else "https" if self.secure else "http",)
        return self.sanitizing.values(
            name, self.sent(name), forwarded_for=self.sent("x-forwarded-for"), has_certificate=self.presented
        )

    def sent(self, name: str) -> str | None:
        """The value as it is sent; None if there is none. Args: name: in small letters, of no pseudo header."""
        values = [value for each, value in self.headers if each == name]
        return ",".join(values) if values else None

    def with_header(self, name: str, value: str) -> "Ask":
        """With the header in the place of others of its name; `:method`, `:path` and `:authority` are such, too.

        `:scheme` is what `x-forwarded-proto` makes it.
        """
        name = name.lower()
        match name:
            case ":method":
                return self.but(method=value)
            case ":path":
                return self.but(path=value)
            case ":authority" | "host":
                return self.but(host=value)
            case ":scheme":
                name = PROTO
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
        return {**written, **dict(self.extra), **self.origin.entry()}


def asks_of(entry: Mapping[str, Any], base: Ask) -> Iterator[Ask]:
    """The requests that a probe's entry sends, as far as a route can see them.

    Args:
        base: what is not told from the entry.
    """
    for step in entry.get("steps", ()):
        yield from (base.but(path=path) for path in _PATHS.findall(str(step)))
    if "steps" in entry:
        return
    named = [text.partition(":") for each in entry.get("headers", ()) if ":" in (text := _text(each))]
    written, path = entry.get("host", base.host), _text(entry.get("path", "/"))
    host = "" if written is None else _text(written)
    if absolute := _ABSOLUTE.match(path):
        host, path = absolute[1], absolute[2] or "/"
    headers = tuple((name.strip().lower(), value.strip()) for name, _, value in named)
    made = base.but(host=host, path=path, method=_text(entry.get("method", "GET")), headers=headers)
    yield made
    if (normal := _normal(made.bare_path)) != made.bare_path:
        yield made.with_bare_path(normal)


def _normal(path: str) -> str:
    """The path as a connection manager may make it before routes see it: decoded, without dots and empty segments."""
    decoded = unquote(path, errors="replace").replace("\\", "/")
    return "/" + posixpath.normpath(decoded).lstrip("/") if decoded.startswith("/") else path


_ABSOLUTE = re.compile(r"https?://(?:[^/@]*@)?([^/]*)(/.*)?", re.DOTALL)
_PATHS = re.compile(r"(?:[A-Z]+ |:path: )(/[^\s'\\]*)")


def _text(written: Any) -> str:
    """A text as probes.yaml has it, each repeat once."""
    if isinstance(written, list | tuple):
        return "".join(map(_text, written))
    return str(written["repeat"] if isinstance(written, dict) else written)
