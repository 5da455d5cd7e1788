"""Requests of somebody's own, as probes: our probe files, curl lines, HAR, an access log in lines of JSON."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from takeover.base.errors import BadInputError
from takeover.base.paths import display_path
from takeover.check.given import access_log, curl, har, own_probes
from takeover.check.given.http_request import HttpRequest
from takeover.check.given.secret_places import Places
from takeover.check.records import Asked, Place
from takeover.model.json import JsonObject, encode
from takeover.scenario.files import bounded_bytes

MAX_BYTES = 128 << 20
MAX_REQUESTS = 2_000
"""Of a file that are asked, each once."""
_LONGEST_BODY = 1 << 20
_CURL = re.compile(r"^\s*(\$\s+)?curl\s", re.MULTILINE)
_PLAIN_SEGMENT = re.compile(r"[a-z]{1,20}(-[a-z]{1,12}){0,3}")


class Requests(msgspec.Struct, frozen=True, kw_only=True):
    """What a file asks.

    Args:
        left_out: how many more there are, by the reason in words.
    """

    asked: tuple[Asked, ...]
    left_out: dict[str, int] = {}


def read_requests(path: Path) -> Requests:
    """The requests in the file, each once, in its order; in what form they are is told by what is in it.

    Raises: BadInputError in one line for a file of none of the forms, or for what cannot be asked.
    """
    text = _text(path)
    collected = _Collected(display_path(path))
    if text.lstrip()[:1] in ("{", "["):
        _json(text, path, collected)
    elif _CURL.search(text):
        collected.all(curl.requests(text, collected.file, collected.leave_out))
    else:
        collected.all(own_probes.requests(text, path))
    if not collected.asked:
        why = "; ".join(f"{number}: {what}" for what, number in collected.left_out.items())
        raise BadInputError(f"{display_path(path)}: has no request" + (f" ({why})" if why else ""))
    return Requests(asked=tuple(collected.asked.values()), left_out=collected.left_out)


def _text(path: Path) -> str:
    data = bounded_bytes(path, MAX_BYTES, "give a part of it")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadInputError(
            f"{display_path(path)}: is no text: give probes, curl lines, a HAR or an access log"
        ) from None


def _json(text: str, path: Path, collected: "_Collected") -> None:
    try:
        whole = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        whole = None
    if isinstance(whole, dict) and "log" in whole:
        collected.all(har.requests(whole, collected.file, collected.leave_out))
    elif isinstance(whole, list) and all(isinstance(each, dict) and "name" in each for each in whole) and whole:
        collected.all(own_probes.requests(text, path))
    else:
        collected.all(access_log.requests(text, whole, collected.file, collected.leave_out))


@dataclass
class _Collected:
    """Requests that were met, by what they ask."""

    file: str
    asked: dict[bytes, Asked] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)

    def leave_out(self, why: str) -> None:
        """Counts one that is not asked."""
        self.left_out[why] = self.left_out.get(why, 0) + 1

    def all(self, requests: Iterable[HttpRequest]) -> None:
        for each in requests:
            self.add(each)

    def add(self, request: HttpRequest) -> None:
        if len(str(request.entry.get("body", ""))) > _LONGEST_BODY:
            self.leave_out(f"bodies longer than {_LONGEST_BODY} characters")
            return
        key = encode([request.entry, request.host, request.port], "sorted")
        if key in self.asked:
            return
        if len(self.asked) >= MAX_REQUESTS:
            self.leave_out(f"more than {MAX_REQUESTS} different requests")
            return
        places = Places()
        entry = request.entry
        listed = entry.get("headers")  # of a probe of one's own anything may stand there
        headers = [each for each in listed if isinstance(each, str)] if isinstance(listed, list) else []
        path, body = (str(entry.get(each, "")) for each in ("path", "body"))
        places.request(headers, path, body)
        named = {"name": _name(entry, key), **entry} if "name" not in entry else entry
        self.asked[key] = Asked(
            entry=named,
            place=Place(file=self.file, line=request.line),
            host=request.host,
            port=request.port,
            is_tls=request.is_tls,
            secrets=frozenset(places.values()),
        )


def _name(entry: JsonObject, key: bytes) -> str:
    """The same for the same request, without what may be a secret in its path."""
    segments = str(entry.get("path", "/")).partition("?")[0].lower().split("/")
    plain = [each for each in segments if _PLAIN_SEGMENT.fullmatch(each)][:4]
    method = re.sub(r"[^a-z]", "", str(entry.get("method", "get")).lower())[:10] or "any"
    return "-".join([method, *plain, hashlib.sha256(key).hexdigest()[:8]])
