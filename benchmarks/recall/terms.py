"""The technical terms that a text, a request, a configuration and a change hold, written alike wherever they stand."""

import functools
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping

from takeover.model.repeats import whole
from takeover.model.request import ProbeRequest

Terms = Mapping[str, tuple[str, ...]]
"""A term → the simpler ones that it is made of, each a term of the same text. Terms are

- words in lower case without their endings;
- two that stand beside each other, written as one: `retryon` of retry_on, Retry-On and RetryOn, made of both;
- what is written in capitals, as it is, made of its word: QUERY is a method, query a word;
- a name with its value, `upgrade:foo` of a header as of a field, made of both;
- an operator of an access log: `%bytes_sent%`;
- a literal with signs: `^.$`.
"""

_WORDS = re.compile(r"[A-Za-z0-9]+")
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_CAPITALS = re.compile(r"(?<![A-Za-z0-9_])[A-Z][A-Z]{2,}(?![A-Za-z0-9_])")
_PAIR = re.compile(r"(?<![\w-])([A-Za-z][\w-]*)(?:: ?|=)([A-Za-z0-9][\w./-]*)")
_OPERATOR = re.compile(r"%([A-Z][A-Z0-9_]+)(?:\(([^%]*)\))?(?::\d+)?%")
_LITERAL = re.compile(r"(?<!\S)[^\sA-Za-z0-9]*[<>^$*\\][^\s,;]*(?<![,;.:])")
_APART = re.compile(r"[,;()|\n]|: ")
_ENUM = re.compile(r"[A-Z][A-Z0-9_]{2,}")
_EXTENSION = re.compile(r"envoy\.[a-z_.0-9]+")
_ENDINGS = re.compile(r"(?<=[a-z]{3})(?:ies|ied|ying|(?<!s)s|ed|ing|y|e|es)$")
_COMMON = frozenset(
    re.findall(
        r"\w+",
        "a after against all also an and any are as at be before below between both but by did do does "
        "each first for from had has have if in into is it its least less more most no nobody none nor "
        "not of off on one only or other per plus same second see seen since so still than that the their "
        "them then there this to two under until used was were what when where which while who whole with "
        "without ",
    )
)
_PROTOCOLS = {"http1": "HTTP/1", "http2": "HTTP/2 h2", "grpc": "gRPC HTTP/2 h2"}
_LONGEST = 300
"""Characters of a request's part that are looked at: what comes then fills a limit."""


def of_text(text: str) -> Terms:
    """Those of a text."""
    found: dict[str, tuple[str, ...]] = {f"%{name.lower()}%": () for name, _ in _OPERATOR.findall(text)}
    text = _OPERATOR.sub(lambda match: f" {match[2] or ''} ", text)
    found |= dict.fromkeys(_LITERAL.findall(text), ())
    for part in _APART.split(text):
        words = [each.lower() for each in _WORDS.findall(_HUMP.sub(" ", part))]
        stems = [None if each in _COMMON else _stem(each) for each in words]
        found |= {each: () for each in stems if each and len(each) > 1}
        for one, two in itertools.pairwise(stems):
            if one and two:
                found.setdefault(f"{one}{two}", (one, two))
    found |= {each: (_stem(each.lower()),) for each in _CAPITALS.findall(text)}
    for name, value in _PAIR.findall(text):
        found[f"{name.lower()}:{value.lower()}"] = (*of_text(name), *of_text(value))
    return found


def _stem(word: str) -> str:
    """Without an ending: sampled, sampling and samples are one."""
    return _ENDINGS.sub("", word)


def of_all(texts: Iterable[str]) -> Terms:
    """Those of several texts."""
    return {term: parts for each in texts for term, parts in of_text(each).items()}


def of_settings(settings: Iterable[str]) -> Terms:
    """Those of a configuration: names of fields, types and extensions, values that are written in capitals, literals.

    What a configuration calls its own things, and what its access log looks at, says nothing of what it does.
    """
    return {term: parts for each in settings for term, parts in _of_setting(each).items()}


@functools.lru_cache(maxsize=1 << 16)  # listeners set much alike
def _of_setting(setting: str) -> Terms:
    field, _, value = setting.partition("=")
    if "%" in value:
        return {}
    if field == "type" or "." in field:
        return of_text(value)
    if field == "regex" or _ENUM.fullmatch(value):
        return of_all([field, value])
    if _EXTENSION.fullmatch(value):
        return of_all([field, value.rpartition(".")[2]])
    found = dict(of_text(field))
    if value and not value.isspace():
        found[f"{field}:{value}".lower()] = tuple(found)
    return found


def of_operators(settings: Iterable[str], field: str) -> Terms:
    """Those of the operators that a field of an access log is made of."""
    pairs = (each.partition("=") for each in settings)
    return of_all(value for name, _, value in pairs if name == field and "%" in value)


def of_request(request: ProbeRequest) -> Terms:
    """Those of what a probe sends."""
    return of_all(_parts(request))


def _parts(request: ProbeRequest) -> Iterator[str]:
    yield _PROTOCOLS.get(request.protocol, request.protocol)
    for text in (request.method, request.path, *request.headers, *request.trailers):
        if text:
            yield whole(text)[:_LONGEST]
    for step in request.steps or []:
        yield step.what
        if step.send:
            yield whole(step.send)[:_LONGEST]
        if step.reset:
            yield "RST"
    if request.tls:
        yield "TLS"
    if request.proxy:
        yield "PROXY protocol"


def of_change(was: str | None, now: str | None) -> Terms:
    """Those of two values that stand in one alone."""
    one, other = (of_text(each or "") for each in (was, now))
    return {term: parts for term, parts in {**one, **other}.items() if (term in one) != (term in other)}
