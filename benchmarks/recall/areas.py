"""What counts as a find of a documented change, read from areas.yaml: where it must show, and as what."""

import functools
import re
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

import msgspec

from takeover.compare.kinds import BY_NAME
from takeover.model.request import ProbeRequest

FILE = Path(__file__).with_name("areas.yaml")

STATISTICS = frozenset({"statistic", "statistic-gone", "statistic-added"})
"""Kinds whose place is the statistic's name."""

NAMELESS = STATISTICS | {"gauge"}
"""Kinds of what is a statistic's, whose name helps to find nothing."""


def _any(patterns: Iterable[str], texts: Iterable[str]) -> bool:
    found = [re.compile(each) for each in patterns]
    return any(each.search(text) for text in texts for each in found)


@functools.lru_cache(maxsize=1 << 16)  # probes of one listener meet the same
def _is_set(patterns: tuple[str, ...], met: frozenset[str]) -> bool:
    return _any(patterns, met)


class Place(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Where a probe must be sent; of each list one pattern, where the list is not empty.

    Args:
        configured: of a setting that the probe meets, FIELD=VALUE or type=NAME.
        protocols: the probe's.
        paths: of the request.
        ports: where it is sent.
        tls: whether TLS lies below its protocol.
        scenarios: of the scenario's name.
    """

    configured: list[str] = []
    protocols: list[str] = []
    paths: list[str] = []
    ports: list[int] = []
    tls: bool = False
    scenarios: list[str] = []


class Area(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """An area of Envoy.

    Args:
        area: pattern of what the list calls it; of several areas the first one is taken.
        places: where a difference in it shows: one of them.
        statistics: patterns of names that are its own.
        kinds: the only kinds of differences that count; empty: the usual ones.
        beyond: why the goal leaves it out; empty if it does not.
    """

    area: str
    places: list[Place] = []
    statistics: list[str] = []
    kinds: list[str] = []
    beyond: str = ""


class Telling(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Kinds that count where the list's words of how to see a change say so."""

    words: str
    kinds: list[str]


class Areas(msgspec.Struct, forbid_unknown_fields=True, dict=True):
    """The file.

    Args:
        kinds: those that count where neither an area nor a list's words say otherwise.
        observations: those that count instead.
        needs: what a row may need → where a difference must show besides.
        beyond: what a row may need → why the goal leaves it out.
    """

    kinds: list[str]
    observations: list[Telling]
    needs: dict[str, list[Place]]
    beyond: dict[str, str]
    areas: list[Area]

    @cached_property
    def _patterns(self) -> list[tuple[re.Pattern[str], Area]]:
        return [(re.compile(each.area, re.IGNORECASE), each) for each in self.areas]

    def called(self, name: str) -> Area | None:
        """The area that a list calls so; None: nothing here is like it."""
        return next((area for pattern, area in self._patterns if pattern.search(name)), None)

    def kinds_of(self, area: Area, how: str) -> frozenset[str]:
        """The kinds that count for a change of that area which is to be seen so."""
        told = [each for one in self.observations if re.search(one.words, how, re.IGNORECASE) for each in one.kinds]
        return frozenset({"crash", *(area.kinds or told or self.kinds)})


def read(file: Path = FILE) -> Areas:
    """The areas. Raises: msgspec.ValidationError, ValueError for a kind that is none."""
    found = msgspec.yaml.decode(file.read_bytes(), type=Areas)
    named = [*found.kinds, *(each for area in found.areas for each in area.kinds)]
    named += [each for one in found.observations for each in one.kinds]
    if unknown := set(named) - BY_NAME.keys():
        raise ValueError(f"{file.name}: no kinds {', '.join(sorted(unknown))}")
    return found


def shows(place: Place, scenario: str, met: frozenset[str], asked: "Asked") -> bool:
    """Whether a probe is sent there."""
    return (
        (not place.configured or _is_set(tuple(place.configured), met))
        and (not place.protocols or asked.protocol in place.protocols)
        and (not place.paths or _any(place.paths, [asked.path]))
        and (not place.ports or asked.port in place.ports)
        and (not place.tls or asked.over_tls)
        and (not place.scenarios or _any(place.scenarios, [scenario]))
    )


def is_named(area: Area, statistic: str) -> bool:
    """Whether the statistic is the area's own."""
    return _any(area.statistics, [statistic])


class Asked(msgspec.Struct, frozen=True):
    """A probe's request, what of it tells where it goes, and the answer's status; of a test nothing is known."""

    protocol: str = ""
    path: str = ""
    port: int = 0
    over_tls: bool = False
    request: ProbeRequest | None = None
    status: int | None = None
