"""What the control plane does instead of what is right, when it is told to."""

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import grpc

from takeover.peers.control_plane import resources
from takeover.peers.control_plane.discovery import CDS, KINDS, LDS
from takeover.peers.control_plane.resources import Resource
from takeover.peers.control_plane.subscription import Answer
from takeover.peers.control_plane.written import WrittenError, count, kind, kinds, listed, mapping, text, texts

NO_ANSWER = "silent"
END = "end"
GARBAGE = "garbage"
WRONG_TYPE = "wrong-type"
DUPLICATE_NAMES = "duplicate-names"
STALE_NONCE = "stale-nonce"
NO_NONCE = "no-nonce"
EMPTY = "empty"
UNASKED = "unasked"
AS_GIVEN = "as-given"
DOES = {
    NO_ANSWER: "nothing is sent, as if it were lost on the way",
    END: "the stream ends instead, with `status` (UNAVAILABLE)",
    GARBAGE: "bytes that are no message",
    WRONG_TYPE: "the response is of the type, its resources are of another one",
    DUPLICATE_NAMES: "the first resource is there twice",
    STALE_NONCE: "with the nonce of the response before",
    NO_NONCE: "without a nonce",
    EMPTY: "without resources",
    UNASKED: "with all resources of the type, whether or not they were asked for",
    AS_GIVEN: "`version`, `nonce`, `type_url`, `resources` and `removed`, as far as they are given, are the rule's",
}


@dataclass
class Rule:
    """One thing to do wrong.

    Args:
        url: the type whose responses it concerns; "*" for all.
        does: a key of `DOES`.
        times: how many responses are left; None: all.
        node: whose streams; "" for all.
        status: with which a stream ends.
        given: the fields of a response as given.
    """

    url: str
    does: str
    times: int | None = None
    node: str = ""
    status: str = "UNAVAILABLE"
    given: dict[str, Any] = field(default_factory=dict)


@dataclass
class Behaviour:
    """All that it does otherwise.

    Args:
        rules: the first one that fits is applied.
        order: the types' URLs in the order in which an update is sent; None: make before break.
        waits: whether what comes later in the order waits for the ACK of what comes before.
        hold: the types of which nothing is sent.
    """

    rules: list[Rule] = field(default_factory=list)
    order: tuple[str, ...] | None = None
    waits: bool = True
    hold: frozenset[str] = frozenset()

    def rule(self, url: str, node: str) -> Rule | None:
        """What concerns the next response of that type: it counts as applied."""
        for each in self.rules:
            if each.url in ("*", url) and each.node in ("", node) and each.times != 0:
                if each.times is not None:
                    each.times -= 1
                return each
        return None

    def types(self) -> tuple[str, ...]:
        """All types of xDS that are known, in order; those that the order lacks come last."""
        usual = tuple(each.url for each in KINDS)
        return usual if self.order is None else (*self.order, *(each for each in usual if each not in self.order))


def parse(written: Any) -> Behaviour:
    """The behaviour that somebody asks for. Raises: WrittenError for what is wrong, in one line."""
    fields = mapping(written, "the behaviour", "rules", "order", "wait", "hold")
    return Behaviour(
        [_rule(each) for each in listed(fields, "rules")],
        None if fields.get("order") is None else tuple(kinds(fields, "order")),
        fields.get("wait") is not False,
        frozenset(kinds(fields, "hold")),
    )


def _rule(written: Any) -> Rule:
    keys = ("type", "does", "times", "node", "status", "version", "nonce", "type_url", "resources", "removed")
    fields = mapping(written, "a rule", *keys)
    if text(fields, "does") not in DOES:
        raise WrittenError(f"a rule does one of {', '.join(DOES)}, not {fields.get('does')}")
    given: dict[str, Any] = {key: text(fields, key) for key in ("version", "nonce") if fields.get(key) is not None}
    if fields.get("type_url") is not None:
        given["type_url"] = kind(fields["type_url"])
    if fields.get("resources") is not None:
        given["resources"] = resources.parse_all(fields["resources"])
    if fields.get("removed") is not None:
        given["removed"] = texts(fields, "removed")
    url = text(fields, "type", "*")
    return Rule(
        url if url == "*" else kind(url),
        fields["does"],
        count(fields, "times"),
        text(fields, "node"),
        status(text(fields, "status", "UNAVAILABLE")),
        given,
    )


def status(name: str) -> str:
    """The name of a gRPC status. Raises: WrittenError for what is none."""
    if name not in grpc.StatusCode.__members__:
        raise WrittenError(f"no gRPC status {name}; there are {', '.join(grpc.StatusCode.__members__)}")
    return name


def misbehave(answer: Answer, rule: Rule, nonce_before: str, all_resources: Iterable[Resource]) -> Answer:
    """The answer as the rule has it.

    Args:
        answer: the right one.
        rule: likewise.
        nonce_before: of the response before.
        all_resources: of the type.
    """
    wrong = dataclasses.replace(answer)
    match rule.does:
        case "wrong-type":
            other = CDS if answer.url == LDS.url else LDS
            wrong.resources = [dataclasses.replace(each, url=other.url) for each in answer.resources] or [
                Resource(other.url, "of-the-wrong-type", b"")
            ]
        case "duplicate-names":
            wrong.resources = answer.resources[:1] + answer.resources
        case "stale-nonce":
            wrong.nonce = nonce_before or "of-no-response"
        case "no-nonce":
            wrong.nonce = ""
        case "empty":
            wrong.resources, wrong.removed = [], []
        case "unasked":
            wrong.resources = list(all_resources)
        case "as-given":
            given = rule.given
            wrong = Answer(
                given.get("type_url", answer.url),
                given.get("version", answer.version),
                given.get("resources", answer.resources),
                given.get("removed", answer.removed),
                given.get("nonce", answer.nonce),
            )
        case _:
            pass
    return wrong
