"""Why probes did not reach a part of a configuration."""

from collections import defaultdict
from collections.abc import Container, Iterator, Mapping, Sequence

from takeover.check.coverage.parts import Cluster, FilterChain, Listener, Part, Parts
from takeover.check.records import Derived, Target, World

_MOST_NAMED = 3
_BOUNDS = (".", "[", ":", " ")
"""What may follow a place in one that is within it."""


class Reasons:
    """Of all parts.

    Args:
        derived: what was worked out, and what not.
        world: what cannot be reached in it.
        made: the probes that were made while Envoy served.
    """

    def __init__(self, parts: Parts, derived: Derived, world: World, made: Container[str]) -> None:
        # A listener without a name is called by its place where it is aimed at.
        self._ids = {path: each.id for each in parts.listeners for path in (*each.paths, each.name)}
        self._chains = {(listener.id, each.label): each.id for listener in parts.listeners for each in listener.chains}
        self._unreached = {self._ids.get(name, name): why for name, why in world.unreached.items()}
        self._apart = world.apart
        self._derived = derived
        self._made = made
        self._aims: dict[str, list[Target]] = defaultdict(list)
        for target in derived.targets:
            for part in self._aimed_at(target):
                self._aims[part].append(target)

    def of(self, part: Part, listener: str, maybe: Mapping[str, Mapping[str, None]], stopped: Mapping[str, str]) -> str:
        """In words.

        Args:
            listener: the id of the one in which it stands.
            maybe: probes that may have reached it → the ids of what they may have reached instead.
            stopped: probes that were for it → Envoy's word for what ended them before.
        """
        if stopped:
            words = dict.fromkeys(each.partition("{")[0].partition("[")[0] for each in stopped.values())
            return (
                f"{_counted(len(stopped))} came to it, and none got past the filters before it: {listed(list(words))}"
            )
        if maybe:
            others = dict.fromkeys(each for found in maybe.values() for each in found)
            return f"{_counted(len(maybe))} took it or {listed(list(others))}: nothing that Envoy tells sets them apart"
        if listener in self._unreached:
            return self._unreached[listener]
        if reason := next(self._unasked(part), ""):
            return reason
        if isinstance(part, Listener):
            inside = [next(self._unasked(each), "") for each in part.chains]
            if inside and all(inside):
                return inside[0]
        if isinstance(part, Cluster) and part.name in self._apart:
            return self._apart[part.name]
        if isinstance(part, Cluster) and not part.is_named:
            return "no listener and no table of routes names it"
        if isinstance(part, FilterChain) and part.unknown:
            return part.unknown
        if aimed := self._aims.get(part.id):
            names = listed([each.probe for each in aimed])
            if not any(each.probe in self._made for each in aimed):
                return f"{_counted(len(aimed))} aimed at it ({names}), and none of them could be made: the run says why"
            return f"{_counted(len(aimed))} aimed at it ({names}), and Envoy's log and counters are of something else"
        if self._aims and not any(each.probe in self._made for each in self._derived.targets):
            return "no probe could be made: the run says why"
        return "no probe aims at it" + ("; some were left out by a bound" if self._derived.left_out else "")

    def _unasked(self, part: Part) -> Iterator[str]:
        """What was said of it, or of what it stands in, or of its match."""
        for place, reason in self._derived.unasked.items():
            if any(path and is_said_of(path, place) for path in part.paths):
                yield reason

    def _aimed_at(self, target: Target) -> Iterator[str]:
        """The ids of the parts that a probe aims at."""
        part = self._ids.get(target.listener, target.listener)
        yield part
        part = self._chains.get((part, target.chain or "0"), f"{part} / filter chain {target.chain or 0}")
        yield part
        scope = f"scope {target.scope} / " if target.scope else ""
        steps = [f"{scope}virtual host {target.host}"] if target.host else []
        steps += [f"route {target.route}"] if target.route is not None else []
        for each in steps:
            part += f" / {each}"
            yield part


def is_said_of(path: str, place: str) -> bool:
    """Whether what is said of a place is why the part at that path is not asked for: of it, of what it stands in."""
    return _is_within(path, place) or place == f"{path}.match"


def _is_within(path: str, place: str) -> bool:
    return path == place or path.startswith(tuple(f"{place}{each}" for each in _BOUNDS))


def _counted(probes: int) -> str:
    return "1 probe" if probes == 1 else f"{probes} probes"


def listed(names: Sequence[str]) -> str:
    """The first ones, and how many more there are."""
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
