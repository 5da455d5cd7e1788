"""What differs from run to run by nature is put into one form, or left out: by named rules, each with its reason.

A rule is for the texts in which what it is about can stand, and for no others: a form of chance in what Envoy logs is a
value like any other in an answer.
"""

import functools
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from takeover.model.json import WrittenNumber, encode
from takeover.model.repeats import RUN
from takeover.probes import session_cookies, signing_in
from takeover.probes.removals import Step, applied


@dataclass(frozen=True)
class Rule:
    """Puts `replacement` in the place of what the pattern finds in a text."""

    name: str
    pattern: re.Pattern[str]
    replacement: str | Callable[[re.Match[str]], str]
    reason: str
    loses: bool = True
    """Whether what it leaves no longer says all that was there."""
    marks: tuple[str, ...] = ("",)
    """A text without any of them has nothing that the pattern finds. To look for them takes a hundredth of the time."""

    @property
    def step(self) -> Step:
        """What it makes of a text."""
        return Step(self.name, self._apply, self.loses)

    def _apply(self, text: str) -> str:
        for mark in self.marks:
            if mark in text:
                return self.pattern.sub(self.replacement, text)
        return text


@dataclass(frozen=True)
class HeaderRule:
    """Puts `replacement` in the place of a header's value, a time of that form: in an answer, and in bodies."""

    name: str
    header: str
    form: str
    replacement: str
    reason: str

    @property
    def step(self) -> Step:
        """What it makes of a body."""
        pattern = re.compile(rf"(?mi)^({self.header}: ){self.form}(?=\r?$)")
        return Step(self.name, functools.partial(pattern.sub, rf"\1{self.replacement}"), is_time=True)


def _run(found: re.Match[str]) -> str:
    return f"{found[1]}<{len(found[0])} times>"


EPHEMERAL = 32768
"""The first port that the kernel gives by itself: https://docs.kernel.org/networking/ip-sysctl.html."""


def _ephemeral(found: re.Match[str]) -> str:
    before = found.string[max(0, found.start() - _LONGEST_HOST) : found.start()]
    return ":<port>" if int(found[1]) >= EPHEMERAL and _HOST.search(before) else found[0]


_HOST = re.compile(r"(?:(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}|>)\Z")
"""At the end of a text: an address, or what stands for it."""
_LONGEST_HOST = len("-255.255.255.255")


def _ids(found: re.Match[str]) -> str:
    return found[1] + _ID.sub(lambda each: f"{each[1] or ''}<id of {len(each[2])}>", found[2])


def _without_its_field(found: re.Match[str]) -> str:
    return f"a oneof has already been set{f' (in {found[1]})' if found[1] else ''}"


def _in_key_order(found: re.Match[str]) -> str:
    """JSON objects with their keys sorted, and what stands between them; what is none stays, and what follows it."""
    done, text = "", found[0]
    while text:
        try:
            content, end = _JSON.raw_decode(text)
            done += encode(content, order="sorted").decode()
        except (ValueError, RecursionError):
            return done + text
        between, begin, rest = text[end:].partition('{"')
        done, text = done + between, begin + rest
    return done


_JSON = json.JSONDecoder(parse_float=WrittenNumber)
_ID = re.compile(r"(?<![0-9a-f])(0{16})?(?!0{8})([0-9a-f]{32}|[0-9a-f]{16})(?![0-9a-f])")
"""A trace's id, or a span's, also one of 64 bits behind zeros; not what begins with eight zeros: the probes' own."""

RULES = (
    Rule(
        "request-id",
        re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"),
        "<uuid>",
        "Envoy gives each request an id of chance",
    ),
    Rule(
        "client-port",
        re.compile(r":(\d{5})\b"),
        _ephemeral,
        "the kernel gives each connection the next free port",
    ),
    Rule(
        "trace-id",
        re.compile(
            r"((?<![\w-])(?:x-b3-\w+|b3|traceparent|(?:trace|parent_span|span|parent)?(?:_id|Id|id))\"?: ?\"?)"
            r"([0-9a-f-]{16,80})"
        ),
        _ids,
        "each trace and each span has an id of chance",
    ),
    Rule(
        "datadog-id",
        re.compile(
            r"((?<![\w-])x-datadog-(?:trace|parent)-id: |(?<=[=;])p:|_dd\.p\.tid=)"
            r"(?:(?<=: )\d{1,20}(?!\d)|(?!0{8})[0-9a-f]{16}(?![0-9a-f]))"
        ),
        r"\1<id>",
        "Datadog's ids of traces and spans are of chance, and in its own headers decimal; a part of one is the time",
        marks=("x-datadog-", "=p:", ";p:", "_dd.p.tid="),
    ),
    Rule(
        "skywalking-id",
        re.compile(r"((?<![\w-])sw8: [01]-)[A-Za-z0-9+/]{48}-[A-Za-z0-9+/]{48}(?=-\d)"),
        r"\1<id>-<id>",
        "SkyWalking's ids of a trace and of its segment are of chance, each in base64",
        marks=("sw8: ",),
    ),
    Rule(
        "signing-in",
        signing_in.FOUND,
        signing_in.without_chance,
        "OAuth2 gives each client that it sends away to sign in a number of chance, and a secret made of it",
        marks=("state=eyJ", "code_challenge=", ";path="),
    ),
    Rule(
        "session-end",
        session_cookies.FOUND,
        session_cookies.without_time,
        "a cookie that keeps a client at its host for a while holds the time until which it does",
        marks=('"Cg',),
    ),
    Rule(
        "run-of-one-character",
        RUN,
        _run,
        "only how many there are tells anything; a document need not carry them",
        loses=False,
    ),
)
"""Of every text of an observation."""

_PROTOBUF_MARK = Rule(
    "protobuf-mark",
    re.compile(r"goo\.gle/debug(?:only|str|proto)(?:\s+|$)"),
    "goo.gle/debug ",
    "protobuf begins what it prints for people with words and blanks of chance, so that no program reads it",
)

OWN_WORDS_RULES = (
    _PROTOBUF_MARK,
    Rule(
        "log-time",
        re.compile(r"^\[[-0-9]+ [:.0-9]+\]\[\d+\]"),
        "",
        "a line of Envoy's log begins with its time and its thread's number",
    ),
    Rule(
        "source-line",
        re.compile(r" ?\[(?:\./)?[\w./-]+\.(?:cc|h):\d+\]"),
        "",
        "the lines of Envoy's source move with every release, whatever they do",
    ),
    Rule(
        "connection-number",
        re.compile(r'\[C\d+\](?:\[S\d+\])?|\[Tags: [^\]]*\]|"(?:ConnectionId|StreamId)":"\d+"|(?<=on connection )\d+'),
        "<connection>",
        "Envoy counts its connections since its start and gives each stream a number of chance",
    ),
    Rule(
        "protobuf-place",
        re.compile(r"near \d+:\d+ \(offset \d+\)"),
        "near <place>",
        "protobuf prints its messages with blanks of chance, which moves the offsets in them",
    ),
    Rule(
        "protobuf-blanks",
        re.compile(r"(?<=\S)  +(?=\S)"),
        " ",
        "protobuf puts blanks of chance into what it prints, so that nobody compares it byte by byte",
    ),
    Rule(
        "oneof-field",
        re.compile(
            r"'\w+' has already been set \(either directly or as part of a oneof\)(?: \(in ([\w.\[\]]+)\.\w+\))?"
        ),
        _without_its_field,
        "of the fields that exclude each other Envoy names the one that it comes by last, in an order of chance",
    ),
    Rule(
        "key-order",
        re.compile(r'\{"(?s:.*)'),
        _in_key_order,
        "Envoy prints a config that it rejects with the keys of its objects in an order of chance",
    ),
)
"""Of what Envoy writes of itself besides: its log's lines, its warnings, and the errors of a config."""

ADMIN_RULES = (
    Rule(
        "own-version",
        re.compile(r'"version":"[0-9a-f]{40}/\d+\.\d+\.\d+'),
        '"version":"<version>',
        "each version tells its own name",
    ),
    Rule(
        "own-time",
        re.compile(r'"(last_updated|uptime_current_epoch|uptime_all_epochs|days_until_expiration)":"[^"]*"'),
        r'"\1":"<time>"',
        "how long it runs, when it was configured, and how long a certificate is still good, is another each time",
    ),
    Rule(
        "own-memory",
        re.compile(
            r'"(allocated|heap_size|pageheap_unmapped|pageheap_free|total_thread_cache|total_physical_bytes)":"\d+"'
        ),
        r'"\1":"<bytes>"',
        "what memory it has at a moment is of chance",
    ),
    _PROTOBUF_MARK,
)
"""Of bodies of the admin API, JSON among them in the order of its keys: an Envoy prints what maps hold in any."""

HEADER_RULES = (
    HeaderRule(
        "date",
        "date",
        r"\w{3}, \d\d \w{3} (?!1970)\d{4} [\d:]{8} GMT",
        "<date>",
        "it is the time of the answer (1970 is the hostile upstream's own, and stays)",
    ),
    HeaderRule(
        "service-time",
        "x-envoy-upstream-service-time",
        r"\d{1,4}",
        "<milliseconds>",
        "the upstream's time varies (the hostile upstream claims more digits, and they stay)",
    ),
)


@dataclass(frozen=True)
class FieldRule:
    """Puts `replacement` in the place of what the pattern finds in that field of Envoy's log entries."""

    name: str
    field: str
    pattern: re.Pattern[str]
    replacement: str
    reason: str


FIELD_RULES = (
    FieldRule(
        "translated-port",
        "downstream_remote",
        re.compile(r":\d+$"),
        ":<port>",
        "where two connections would have the same port, the node's address translation gives one a lower, of chance",
    ),
    FieldRule(
        "event-time",
        "timestamp",
        re.compile(r"^\d{4}-\d\d-\d\dT[\d:.]+Z$"),
        "<time>",
        "an event of a health check, or of outlier detection, has the time at which it was",
    ),
)


TEXT_STEPS = tuple(rule.step for rule in RULES)
"""What is done to every text."""
OWN_WORDS_STEPS = (*(rule.step for rule in OWN_WORDS_RULES), *TEXT_STEPS)
"""What is done to what Envoy writes of itself."""
BODY_STEPS = (*TEXT_STEPS, *(rule.step for rule in HEADER_RULES))
"""What is done to a body: an answer that follows another stands in it, with its headers."""


@functools.lru_cache(maxsize=1 << 14)  # names and most values come again and again
def without_chance(text: str) -> str:
    """Any text in its normal form, for what knows of no deployment."""
    return applied(TEXT_STEPS, text)


def own_words_without_chance(text: str) -> str:
    """What Envoy writes of itself, a line of its log or the error of a config, likewise."""
    return applied(OWN_WORDS_STEPS, text)


def body_without_chance(text: str) -> str:
    """A body, likewise."""
    return applied(BODY_STEPS, text)


_UNORDERED = ("cluster_statuses", "configs", "static_endpoint_configs")


def _in_one_order(content: Any) -> Any:
    """JSON of the admin API in which lists that it tells in any order, those of clusters, are sorted.

    The hundred kilobytes of its extensions, in any order, too, are the inventory's to compare.
    """
    match content:
        case dict():
            named = {name: _in_one_order(each) for name, each in content.items() if name != "extensions"}
            return {
                name: sorted(each, key=lambda one: encode(one, order="sorted"))
                if name in _UNORDERED and isinstance(each, list)
                else each
                for name, each in named.items()
            }
        case list():
            return list(map(_in_one_order, content))
        case _:
            return content


def _in_the_order_of_keys(text: str) -> str:
    try:
        return encode(_in_one_order(_JSON.decode(text)), order="sorted").decode()
    except (ValueError, RecursionError):  # then it is no JSON
        lines = text.splitlines(keepends=True)
        is_listed = bool(lines) and all("::" in line for line in lines)
        return "".join(sorted(lines, key=lambda line: line.partition("::")[0])) if is_listed else text


ADMIN_STEPS = (Step("own-order", _in_the_order_of_keys), *(rule.step for rule in ADMIN_RULES), *BODY_STEPS)
"""What is done to a body of the admin API."""


def admin_body_without_chance(text: str) -> str:
    """A body of the admin API, likewise: what it tells of clusters, in one order."""
    return applied(ADMIN_STEPS, text)


def field_without_chance(name: str, value: Any) -> Any:
    """A field of a log entry, likewise."""
    for rule in FIELD_RULES:
        if name == rule.field and isinstance(value, str):
            value = rule.pattern.sub(rule.replacement, value)
    return value
