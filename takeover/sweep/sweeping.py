"""A sweep: the variants of some bases, asked of several Envoys side by side; where they differ, again, each alone."""

import contextlib
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import msgspec
from google.protobuf.message import Message

from takeover.model.document import Sweep
from takeover.model.release import Release
from takeover.sweep.asked import AskedEnvoy, Found, asked_envoy, same, with_shown
from takeover.sweep.bases import Bases
from takeover.sweep.offered import Offered, as_resource
from takeover.sweep.smaller import as_yaml, only, smaller
from takeover.sweep.variants import Variant, fields_of

_AT_ONCE = 60
"""So many variants stand beside each other in one Envoy."""
_MOST_ASKED, _MOST_ENDED = 120, 20
"""How often Envoys are asked, to make a configuration smaller; if one ends of it, and is to be started each time."""


@dataclass
class Going:
    """What is known so far.

    Args:
        found: for each variant that was asked what each Envoy did.
        probed: of how many what they do was observed.
        unstable: of how many an Envoy alone did now this, now that.
        seconds: how long that took.
    """

    variants: Sequence[Variant]
    found: list[list[Found]] = field(default_factory=list)
    probed: int = 0
    unstable: int = 0
    seconds: float = 0.0


def sweep(
    releases: Sequence[Release], bases: Bases, within: float | None = None, tell: Callable[[str], None] | None = None
) -> dict[str, Sweep]:
    """What each Envoy, by its name, says of the variants.

    Args:
        within: seconds after which no more are asked than the first ones; None: all are.
        tell: takes a line for the user, of how many there are.

    Raises: TakeoverError when an Envoy does not start.
    """
    fields = fields_of(bases.resources)
    going = Going(fields.ordered())
    if tell is not None:
        tell(f"{len(going.variants):,} variants of {len(fields.known):,} fields")
    began = time.monotonic()
    with contextlib.ExitStack() as stack, ThreadPoolExecutor(len(releases), "sweep") as pool:
        envoys = [stack.enter_context(asked_envoy(each, bases)) for each in releases]
        asking = Asking(envoys, pool)
        while (number := len(going.found)) < len(going.variants):
            if number and within is not None and time.monotonic() - began >= within:
                break
            asking.ask(going, number)
        going.seconds = time.monotonic() - began
    return {each.name: _told(going, place, len(fields.known)) for place, each in enumerate(releases)}


class Asking:
    """Several Envoys, each asked by a thread of its own.

    Args:
        envoys: whose answers are compared.
        pool: has a thread for each of them.
    """

    def __init__(self, envoys: Sequence[AskedEnvoy], pool: ThreadPoolExecutor) -> None:
        self._envoys = envoys
        self._pool = pool

    def ask(self, going: Going, number: int) -> None:
        """Asks the next ones, from that number on."""
        offered = [
            Offered.of(each, number + place) for place, each in enumerate(going.variants[number : number + _AT_ONCE])
        ]
        of_each = list(self._pool.map(lambda envoy: envoy.ask(offered), self._envoys))
        for each, found in zip(offered, zip(*of_each, strict=True), strict=True):
            kept = list(found)
            going.probed += all(one.probes is not None for one in kept)
            if not same(kept):
                kept, is_stable = self._again(each)
                going.unstable += not is_stable
            if not same(kept) and not any(one.result.state == "unstable" for one in kept):
                config = self._smallest(each, [one.result.state for one in kept])
                kept = [with_shown(one, config) for one in kept]
            going.found.append(kept)

    def _again(self, offered: Offered) -> tuple[list[Found], bool]:
        """What each does by itself, and whether that is always the same; what is not is not told."""
        with_nothing = list(self._pool.map(lambda envoy: envoy.ask([offered])[0], self._envoys))
        if same(with_nothing):  # nothing but what stood beside it, or a busy machine, made the difference
            return with_nothing, True
        again = self._alone(offered)
        if again == with_nothing:
            return again, True
        third = self._alone(offered)
        if again == third:
            return again, True
        return [_unstable(each) for each in zip(with_nothing, again, third, strict=True)], False

    def _alone(self, offered: Offered) -> list[Found]:
        return list(self._pool.map(lambda envoy: envoy.ask_alone(offered), self._envoys))

    def _smallest(self, offered: Offered, states: Sequence[str]) -> str:
        """The smallest configuration that they still differ in, where one takes it and another does not.

        Else the field alone, with its value.
        """
        variant = offered.variant
        whole = variant.message()
        if len(set(states)) == 1:
            return as_yaml(only(whole, variant.path, variant.field.rpartition(".")[2]))

        def shows(message: Message) -> bool:
            made = Offered(variant, offered.number, as_resource(_copy(message), variant, offered.number))
            return list(self._pool.map(lambda envoy: envoy.state(made), self._envoys)) == list(states)

        most = _MOST_ENDED if {"ended", "hangs"} & set(states) else _MOST_ASKED
        return as_yaml(smaller(whole, shows, most))


def _unstable(of_one: Sequence[Found]) -> Found:
    """What is told of what one Envoy did, each time by itself: its state, if that was always the same, and no more."""
    last = of_one[-1].result
    states = list(dict.fromkeys(each.result.state for each in of_one))
    if len(states) == 1:
        return Found(msgspec.structs.replace(last, warnings=[], error=""))
    return Found(msgspec.structs.replace(last, state="unstable", warnings=[], error=f"now {', now '.join(states)}"))


def _copy(message: Message) -> Any:
    made = type(message)()
    made.CopyFrom(message)
    return made


def _told(going: Going, place: int, fields: int) -> Sweep:
    asked = going.variants[: len(going.found)]
    known = len({each.field for each in asked})
    return Sweep(
        [found[place].result for found in going.found],
        known,
        fields - known,
        len(going.variants) - len(asked),
        going.probed,
        going.unstable,
        round(going.seconds, 3),
    )
