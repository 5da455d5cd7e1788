"""How many probes there may be, and which of them are made: always the same ones, the most telling first."""

from collections import Counter
from collections.abc import Iterable

import msgspec

from takeover.check.derive.draft import OWN, Draft, Later

_SECONDS = 0.02
"""What a probe costs on one Envoy, about: nothing is measured, so that the same bounds give the same probes."""
_OF_LISTENER, _OF_A_LISTENER = 2, 15


class Bounds(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """How many probes there may be.

    Args:
        probes_per_route: of a route, or of one filter chain's matching; of a listener's features fifteen times as many.
        most: of all.
        within: seconds that they may take on one Envoy, about; None: that is no bound.
    """

    probes_per_route: int = 20
    most: int = 5_000
    within: float | None = None

    @property
    def number(self) -> int:
        """Of all that `most` and `within` leave."""
        return self.most if self.within is None else min(self.most, max(1, int(self.within / _SECONDS)))


def chosen(drafts: Iterable[Draft | Later], bounds: Bounds) -> tuple[list[Draft], dict[str, int]]:
    """Those that are made, in the order in which they came, and how many each bound left out, at most.

    What somebody asked for is always made.
    """
    every = list(drafts)
    counted, left_out, kept = Counter[tuple[str, ...]](), Counter[str](), list[tuple[int, Draft]]()
    for number in sorted(range(len(every)), key=lambda number: (every[number].rank, number)):
        candidate = every[number]
        if candidate.subject != OWN:
            most = bounds.probes_per_route * (1 if len(candidate.of) > _OF_LISTENER else _OF_A_LISTENER)
            if counted[candidate.of] >= most:
                left_out["probes per route"] += 1
                continue
            if len(kept) >= bounds.number:
                left_out["most" if bounds.number == bounds.most else "within"] += 1
                continue
        draft = candidate.make() if isinstance(candidate, Later) else candidate
        if draft is not None:
            counted[draft.of] += 1
            kept.append((number, draft))
    return [draft for _, draft in sorted(kept, key=lambda each: each[0])], dict(left_out)
