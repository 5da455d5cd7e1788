"""Requests of a HAR file (HTTP Archive 1.2), as browsers and proxies store them."""

from collections.abc import Callable, Iterator
from typing import Any

from takeover.base.errors import BadInputError
from takeover.check.given.http_request import HttpRequest, Url, http_request, tls_for
from takeover.model.json import JsonObject


def requests(data: JsonObject, file: str, leave_out: Callable[[str], None]) -> Iterator[HttpRequest]:
    """Its requests over HTTP. `leave_out`: is told why one is not asked.

    Raises: BadInputError for what has not the form of a HAR.
    """
    log = data["log"]
    entries = log.get("entries") if isinstance(log, dict) else None
    if not isinstance(entries, list):
        raise BadInputError(f"{file}: log.entries must be a list: it is no HAR")
    for number, each in enumerate(entries):
        request = each.get("request") if isinstance(each, dict) else None
        if not isinstance(request, dict) or not isinstance(request.get("url"), str):
            raise BadInputError(f"{file}: log.entries[{number}].request has no url: it is no HAR")
        try:
            url = Url.of(request["url"])
        except ValueError:
            leave_out("requests that are not HTTP's")
            continue
        yield _request(request, url)


def _request(request: JsonObject, url: Url) -> HttpRequest:
    headers = [(name, value) for name, value in _pairs(request.get("headers")) if not name.startswith(":")]
    http2 = str(request.get("httpVersion", "")).lower() in ("h2", "http/2", "http/2.0", "h3", "http/3", "h2c")
    posted = request.get("postData")
    text = posted.get("text") if isinstance(posted, dict) else None
    if not isinstance(text, str) and isinstance(posted, dict) and posted.get("params"):
        text = "&".join(f"{name}={value}" for name, value in _pairs(posted["params"]))
    if not any(name.lower() == "cookie" for name, _ in headers) and (cookies := _pairs(request.get("cookies"))):
        headers.append(("cookie", "; ".join(f"{name}={value}" for name, value in cookies)))
    return http_request(
        method=str(request.get("method") or "GET"),
        path=url.path,
        authority=url.authority,
        headers=headers,
        body=text if isinstance(text, str) and text else None,
        http2=http2,
        tls=tls_for(url.host, http2=http2) if url.is_tls else None,
        port=url.dialled,
    )


def _pairs(listed: Any) -> list[tuple[str, str]]:
    if not isinstance(listed, list):
        return []
    return [
        (str(each["name"]), str(each.get("value", ""))) for each in listed if isinstance(each, dict) and "name" in each
    ]
