"""A variant as it is offered to an Envoy, beside others: with a name and a port of its own."""

import re
from dataclasses import dataclass
from typing import Any

from takeover.envoy.answers import Answer
from takeover.model.document import Variant as Result
from takeover.peers.control_plane.discovery import LDS
from takeover.peers.control_plane.resources import Resource
from takeover.probes.own_words import own_words_without_chance
from takeover.sweep.variants import Variant

_FIRST_PORT, _PORTS = 11_000, 20_000
"""Below those that the kernel gives to clients; so many that one that was just closed is not taken again."""
_DUMP = re.compile(r"goo\.gle/debug\w+\s+")
_DUMPED = re.compile(r"goo\.gle/debug\w+\s.*?(?=: Proto constraint validation failed)", re.DOTALL)
_WARNING = re.compile(r"^\[[^\]]*\]\[\d+\]\[(warning|error)\]\[(?!envoy_bug)")
_ADVICE = re.compile(r"(?<=\.) (This configuration will be removed|If continued use|Please see).*")
_LAST_WORDS = re.compile(r"(assert failure|panic|terminate called|what\(\)|Caught \w+).*")
_LONGEST = 1_000


@dataclass(frozen=True)
class Offered:
    """Args: number: of the variant, by which its name and port are its own."""

    variant: Variant
    number: int
    resource: Resource

    @classmethod
    def of(cls, variant: Variant, number: int) -> "Offered":
        """The variant of that number."""
        return cls(variant, number, as_resource(variant.message(), variant, number))

    @property
    def port(self) -> int:
        """At which its listener listens."""
        return _FIRST_PORT + self.number % _PORTS

    @property
    def has_own_port(self) -> bool:
        """Whether nobody else can be at its address."""
        return not _is_of_address(self.variant)

    @property
    def is_listener(self) -> bool:
        return self.resource.url == LDS.url

    def result(self, answer: Answer) -> Result:
        """What a document has of that answer, in its normal form."""
        warnings = dict.fromkeys(filter(None, map(self._warning, answer.log))) if answer.state == "taken" else {}
        why = answer.why
        if answer.state == "ended" and (said := next(filter(None, map(_LAST_WORDS.search, answer.log)), None)):
            why = f"{why}: {said[0]}"
        return Result(self.variant.base.scenario, self.variant.name, answer.state, self.own_words(why), list(warnings))

    def own_words(self, text: str) -> str:
        """What Envoy says of it, without its own name, and without the whole message that it may repeat."""
        text = _DUMP.sub("", _DUMPED.sub("…", text)).replace(self.resource.name, self.variant.base.name)
        text = own_words_without_chance(" ".join(text.replace(f":{self.port}", ":<port>").split()))
        return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"

    def _warning(self, line: str) -> str:
        return _ADVICE.sub("", self.own_words(line)) if _WARNING.match(line) else ""


def as_resource(message: Any, variant: Variant, number: int) -> Resource:
    """The message, with that number's name and port; but for a field that is the variant's own."""
    name = f"{variant.base.name}~{number}"
    if variant.field not in ("Listener.name", "Cluster.name"):
        message.name = name
    if variant.base.url == LDS.url and not _is_of_address(variant) and message.address.HasField("socket_address"):
        message.address.socket_address.port_value = _FIRST_PORT + number % _PORTS
    return Resource(variant.base.url, name, message.SerializePartialToString(deterministic=True))


def _is_of_address(variant: Variant) -> bool:
    return variant.field == "Listener.address" or bool(variant.path and variant.path[0].name == "address")
