"""Finds the guards that bring the old behaviour back, and proves it by the effect: with them false, and without."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from takeover.base.errors import BadInputError, DeploymentError
from takeover.compare import breakdowns
from takeover.compare.observations import ObservedChange, observation_changes
from takeover.explain.attempt import Attempt
from takeover.explain.ddmin import ddmin
from takeover.model.document import Observation
from takeover.probes.observing import NotObservedError


@dataclass(frozen=True)
class Explanation:
    """What came of it.

    Args:
        guards: those that must be false together, mostly one; none if no guard brings the old behaviour back.
        with_them: what is seen with them false.
        without: what is seen of the new Envoy as it is.
        deployments: how many it took.
    """

    guards: list[str]
    with_them: Observation | None
    without: Observation
    deployments: int


class Explaining:
    """The search for one changed aspect of one probe."""

    def __init__(
        self, attempt: Attempt, old: Observation, changed: ObservedChange, tell: Callable[[str], None]
    ) -> None:
        self._attempt = attempt
        self._old = old
        self._changed = changed
        self._tell = tell
        self._deployments = 0

    def explain(self, guards: Sequence[str]) -> Explanation:
        """Searches among `guards`, which the new binary knows.

        Raises: BadInputError where the probe does not show the difference any more.
        """
        without = self._as_it_is()
        if not self._brings_back(guards):
            return Explanation([], None, without, self._deployments)
        found = ddmin(guards, self._brings_back)
        with_them, without = self._seen(found), self._seen(())
        if not self._is_old(with_them) or self._is_old(without):
            raise BadInputError(
                f"the probe does not always do the same: once more, {', '.join(found)} made no difference"
            )
        return Explanation(found, with_them, without, self._deployments)

    def _as_it_is(self) -> Observation:
        seen = self._seen(())
        if self._is_old(seen):
            # Alone it does as before; with the probes before it, it may not.
            self._attempt.after_those_before()
            seen = self._seen(())
        if self._is_old(seen):
            raise BadInputError("the probe shows the old behaviour on the new Envoy, too: compare fresh results")
        return seen

    def _seen(self, guards: Sequence[str]) -> Observation:
        self._deployments += 1
        return self._attempt.seen(guards)

    def _brings_back(self, guards: Sequence[str]) -> bool:
        try:
            back = self._is_old(self._seen(guards))
        except (DeploymentError, NotObservedError) as error:
            self._tell(f"{_named(guards)} false: {str(error).splitlines()[0]}")
            return False
        self._tell(f"{_named(guards)} false: {'the old behaviour' if back else 'the new behaviour'}")
        return back

    def _is_old(self, seen: Observation) -> bool:
        """Whether the aspect is as before, which an answer that does not come, or an Envoy that ends, would hide."""
        differing = {(each.kind, each.what) for each in observation_changes(self._old, seen)}
        hiding = {("connection", "answer"), *(each for each in differing if each[0] == breakdowns.KIND)}
        return not differing & {(self._changed.kind, self._changed.what), *hiding}


def _named(guards: Sequence[str]) -> str:
    return guards[0] if len(guards) == 1 else f"{len(guards)} guards"
