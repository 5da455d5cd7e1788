"""The NAT rules of a Pod and how many packets each took. A NAT rule sees a connection's first packet only."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

_RULE = re.compile(r"^-A (?P<chain>\S+) (?P<match>.*?)-c (?P<packets>\d+) \d+ -j (?P<target>.+)$")


@dataclass(frozen=True)
class Rule:
    """One rule: its chain, what it matches, what it does, and the packets (here: connections) it has taken so far."""

    chain: str
    match: str
    target: str
    packets: int

    @property
    def text(self) -> str:
        """The rule as it is written, without its counters."""
        return " ".join(filter(None, ("-A", self.chain, self.match, "-j", self.target)))

    def __str__(self) -> str:
        return f"{self.chain} {self.target}"


def parse(text: str) -> list[Rule]:
    """The rules in the output of `iptables -t nat -S -v`, in order; policies and names of chains are left out."""
    found = (_RULE.match(line) for line in text.splitlines())
    return [Rule(each["chain"], each["match"].strip(), each["target"], int(each["packets"])) for each in found if each]


def caught(before: Sequence[Rule], after: Sequence[Rule]) -> list[Rule]:
    """How many packets each rule took in between, all rules, in order.

    Raises: ValueError when the rules are others than before.
    """
    if [each.text for each in before] != [each.text for each in after]:
        raise ValueError("the Pod's NAT rules changed meanwhile")
    return [
        Rule(now.chain, now.match, now.target, now.packets - then.packets)
        for then, now in zip(before, after, strict=True)
    ]
