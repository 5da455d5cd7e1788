"""Requests of an access log in lines of JSON: keys as Envoy's formats, meshes and gateways usually have them."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from takeover.base.errors import BadInputError
from takeover.check.given.http_request import HttpRequest, Url, http_request, split_authority, tls_for
from takeover.model.json import JsonObject

# Without case and signs; the first that has a value counts.
_METHOD = ("method", "requestmethod", "reqmethod", "httpmethod", "verb")
_PATH = (
    "xenvoyoriginalpath", "originalpath", "path", "requestpath", "reqpath", "requesturi", "uri", "urlpath",
    "requesturl", "url",
)  # fmt: skip
_AUTHORITY = ("authority", "reqauthority", "requestauthority", "host", "requesthost", "httphost", "vhost")
_PROTOCOL = ("protocol", "requestprotocol", "httpversion", "httpprotocol")
_SERVER_NAME = ("requestedservername", "sni", "servername")
_TLS = ("downstreamtlsversion", "tlsversion", "downstreamtlscipher")
_LOCAL = ("downstreamlocaladdress", "downstreamdirectlocaladdress", "listenerport", "downstreamlocalport", "serverport")
_HEADERS = {
    "x-forwarded-for": ("xforwardedfor", "xff"),
    "user-agent": ("useragent", "httpuseragent"),
    "referer": ("referer", "referrer"),
    "content-type": ("contenttype", "requestcontenttype"),
    "authorization": ("authorization",),
    "cookie": ("cookie",),
}
# Headers of requests that are logged by their names; not those that proxies add.
_OWN_HEADER = re.compile(r"x-(?!envoy-|forwarded-|request-id|b3-|amzn-|response-|upstream-)[a-z0-9-]+")
_NOTHING = ("", "-", None)
_PREFIXES = ("http", "request", "req", "downstream")


def requests(text: str, whole: Any, file: str, leave_out: Callable[[str], None]) -> Iterator[HttpRequest]:
    """The requests of its lines.

    Args:
        text: what is in the file.
        whole: the same, if it is one JSON value: a list of entries, or one.
        leave_out: is told why a line is not asked.

    Raises: BadInputError for a file of which no line is an object.
    """
    is_list = isinstance(whole, list)
    entries = enumerate(whole, 1) if is_list else _lines(text, leave_out)
    is_any = False
    for number, each in entries:
        if not isinstance(each, dict):
            leave_out("lines that are no objects of JSON")
            continue
        is_any = True
        found = _request(_flat(each), None if is_list else number)
        if found is None:
            leave_out("lines without method and path")
        else:
            yield found
    if not is_any:
        raise BadInputError(f"{file}:1: neither a HAR, nor probes, nor lines of JSON of an access log")


def _lines(text: str, leave_out: Callable[[str], None]) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            yield number, msgspec.json.decode(line)
        except (msgspec.DecodeError, RecursionError):
            leave_out("lines that are no objects of JSON")


def _request(entry: dict[str, Any], line: int | None) -> HttpRequest | None:
    method, path = _of(entry, _METHOD), _of(entry, _PATH)
    if not method or not path or not re.fullmatch(r"[A-Za-z-]{1,32}", method):
        return None
    authority, scheme = _of(entry, _AUTHORITY), _of(entry, ("scheme",))
    if "://" in path:
        try:
            url = Url.of(path, as_it_is=True)
        except ValueError:
            return None
        path, authority, scheme = url.path, authority or url.authority, scheme or url.scheme
    if not path.startswith(("/", "*")):
        return None
    protocol = _of(entry, _PROTOCOL).lower()
    http2 = protocol in ("http/2", "http/2.0", "h2", "2", "http/3", "h3")
    server_name = _of(entry, _SERVER_NAME)
    is_tls = bool(server_name or _of(entry, _TLS) or scheme == "https")
    port = re.search(r"(?:^|:)(\d{1,5})$", _of(entry, _LOCAL))
    headers = [(name, value) for name, keys in _HEADERS.items() if (value := _of(entry, keys))]
    headers += [
        (key, str(value)) for key, value in entry.items() if _OWN_HEADER.fullmatch(key) and value not in _NOTHING
    ]
    host = server_name or split_authority(authority)[0]
    return http_request(
        method=method,
        path=path,
        authority=authority,
        headers=headers,
        http2=http2,
        version="1.0" if protocol == "http/1.0" else "1.1",
        tls=tls_for(host, http2=http2) if is_tls else None,
        port=int(port[1]) if port and int(port[1]) < 65536 else None,
        line=line,
    )


def _flat(entry: JsonObject, depth: int = 0) -> dict[str, Any]:
    """Its values by the letters and digits of their keys; of objects in it those, too, but where it has one itself."""
    found: dict[str, Any] = {}
    for value in entry.values():
        if isinstance(value, dict) and depth < 3:
            for inner, each in _flat(value, depth + 1).items():
                found.setdefault(inner, each)
    for key, value in entry.items():
        if not isinstance(value, dict | list):
            plain = re.sub(r"[^a-z0-9]", "", str(key).lower())
            found[plain] = value
            found[str(key).lower().replace("_", "-")] = value
    return found


def _of(entry: dict[str, Any], keys: tuple[str, ...]) -> str:
    """The first value that says something: Envoy writes - for nothing."""
    for each in keys:
        for name in (each, *(prefix + each for prefix in _PREFIXES)):
            value = entry.get(name)
            if isinstance(value, str | int) and not isinstance(value, bool) and value not in _NOTHING:
                return str(value)
    return ""
