"""The NAT rules of a Pod and how many packets each took. A NAT rule sees a connection's first packet only."""

import re
from collections.abc import Container, Sequence
from dataclasses import dataclass, replace

# What a rule matches may be words of anybody (a comment), what it does never holds counters: the last ones are its own.
_RULE = re.compile(r"^-A (?P<chain>\S+) (?:(?P<match>.*) )?-c (?P<packets>\d+) \d+ -(?P<how>[jg]) (?P<target>.+)$")
_CHAIN = re.compile(r"^-N (\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class Rule:
    """One rule: its chain, what it matches, what it does, and the packets (here: connections) it has taken so far.

    Args:
        jumps: whether its target is a chain: what becomes of a packet is said by a rule there.
        how: "j" as `-j`; "g" as `-g`, which does not come back.
    """

    chain: str
    match: str
    target: str
    packets: int
    jumps: bool = False
    how: str = "j"

    @property
    def text(self) -> str:
        """The rule as it is written, without its counters."""
        return " ".join(filter(None, ("-A", self.chain, self.match, f"-{self.how}", self.target)))

    def __str__(self) -> str:
        return f"{self.chain} {self.target}"


def parse(text: str) -> list[Rule]:
    """The rules in the output of `iptables -t nat -S -v`, in order; policies and names of chains are left out."""
    chains = set(_CHAIN.findall(text))
    found = filter(None, (_RULE.match(line) for line in text.splitlines()))
    return [_rule(each, chains) for each in found]


def _rule(found: re.Match[str], chains: Container[str]) -> Rule:
    chain, match, packets, how, target = found.group("chain", "match", "packets", "how", "target")
    return Rule(chain, match or "", target, int(packets), target in chains, how)


def caught(before: Sequence[Rule], after: Sequence[Rule]) -> list[Rule]:
    """How many packets each rule took in between, all rules, in order.

    Raises: ValueError when the rules are others than before.
    """
    if [each.text for each in before] != [each.text for each in after]:
        raise ValueError("the Pod's NAT rules changed meanwhile")
    return [replace(now, packets=now.packets - then.packets) for then, now in zip(before, after, strict=True)]
