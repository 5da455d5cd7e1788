"""What differs from run to run by nature is put into one form, or left out: by named rules, each with its reason.

A rule is for the texts in which what it is about can stand, and for no others: a form of chance in what Envoy logs is a
value like any other in an answer.
"""

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from takeover.model.repeats import RUN
from takeover.probes import captures, session_cookies, signing_in
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
        is_marked = any(mark in text for mark in self.marks)
        return self.pattern.sub(self.replacement, text) if is_marked else text


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
        "capture",
        captures.FOUND,
        captures.without_chance,
        "an exchange that is captured has the times at which it was, its clients' ports, and a number of chance",
        marks=captures.MARKS,
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
    FieldRule(
        "own-log-time",
        "time",
        re.compile(r"^\d{4}-\d\d-\d\dT[\d:.]+Z$"),
        "<time>",
        "the log of a proxy of MongoDB, whose form Envoy chooses, has the time of each operation",
    ),
)


TEXT_STEPS = tuple(rule.step for rule in RULES)
"""What is done to every text."""
BODY_STEPS = (*TEXT_STEPS, *(rule.step for rule in HEADER_RULES))
"""What is done to a body: an answer that follows another stands in it, with its headers."""


@functools.lru_cache(maxsize=1 << 14)  # names and most values come again and again
def without_chance(text: str) -> str:
    """Any text in its normal form, for what knows of no deployment."""
    return applied(TEXT_STEPS, text)


def body_without_chance(text: str) -> str:
    """A body, likewise."""
    return applied(BODY_STEPS, text)


def field_without_chance(name: str, value: Any) -> Any:
    """A field of a log entry, likewise."""
    for rule in FIELD_RULES:
        if name == rule.field and isinstance(value, str):
            value = rule.pattern.sub(rule.replacement, value)
    return value
