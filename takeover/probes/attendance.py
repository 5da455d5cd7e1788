"""Whether the Envoys of a scene are still there: what became of one whose admin API fell silent."""

import time
from dataclasses import dataclass
from typing import Literal

from takeover.engines.contract import Container, RemoteDeployment
from takeover.envoy.used_stats import NoStatsError, UsedStats
from takeover.evidence import quiescence
from takeover.model.document import Breakdown
from takeover.scenario.places import EnvoyPlace
from takeover.scenario.typed_yaml import Json
from takeover.scene import Scene

_DEADLINE = 10.0
"""Seconds until the end of a process must be known, or its admin API must answer again."""
# What a document keeps of an Envoy's log: what it wrote under the probe, or before it where it wrote nothing.
MOST_LINES, _LINES_BEFORE, LONGEST_LINE = 60, 5, 400


@dataclass(frozen=True)
class Lost:
    """An Envoy that broke down.

    Args:
        place: which one.
        how: see `Breakdown`; `why` and `exit_code` likewise.
        log: all that it had written.
    """

    place: EnvoyPlace
    how: Literal["ended", "hangs"]
    why: str
    log: str
    exit_code: int | None = None

    def record(self, begin: int = 0) -> Breakdown:
        """The record of it.

        Args:
            begin: how much of the log had been written before the probe.
        """
        lines = self.log[begin:].splitlines()[-MOST_LINES:] or self.log.splitlines()[-_LINES_BEFORE:]
        name = f"{self.place.pod}/{self.place.container}"
        return Breakdown(name, self.how, self.exit_code, self.why, [line[:LONGEST_LINE] for line in lines])


class Attendance:
    """Knows how often each Envoy had ended when this was made."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._since = time.monotonic()
        self._known = {place: _number(self._container(place)) for place in scene.envoys}

    def verdict(self, place: EnvoyPlace, error: NoStatsError) -> Lost | None:
        """What became of the Envoy there; None if it answers again: then only the connection has ended.

        Args:
            place: of the Envoy.
            error: of whoever asked it in vain.

        Raises: LostError for what is no doing of Envoy's, TakeoverError when that cannot be told.
        """
        container = self._container(place)

        def look() -> Lost | str | None:
            ended = container.ended()
            if ended is not None and ended.number > self._known[place]:
                return Lost(place, "ended", str(error), ended.log, ended.exit_code)
            try:
                self._must_answer(place)
            except NoStatsError as again:
                # Over a connection of its own, too: it is not the connection that hangs.
                return Lost(place, "hangs", str(error), container.logs()) if again.hangs else str(again)
            return None

        found = quiescence.waited_for(look, _DEADLINE)
        deployment = self._scene.deployment
        if found and isinstance(deployment, RemoteDeployment) and (loss := deployment.loss(self._since)):
            raise loss
        if not isinstance(found, str):
            return found
        # Whatever the container runs, it does not end with Envoy.
        return Lost(place, "ended", f"{found}; its container goes on", container.logs())

    def _container(self, place: EnvoyPlace) -> Container:
        return self._scene.pod(place.pod).container(place.container)

    def ask(self, place: EnvoyPlace) -> UsedStats:
        """A new connection to the admin API of the Envoy there. Raises: NoStatsError."""
        try:
            return UsedStats(self._scene.connect_to_admin(place), place.control_planes)
        except TimeoutError:
            raise NoStatsError("Envoy's admin API takes no connection", hangs=True) from None
        except ConnectionError as error:
            raise NoStatsError(f"Envoy's admin API takes no connection: {error}", hangs=False) from None

    def config(self, place: EnvoyPlace) -> Json:
        """The config dump of the Envoy there; None where it does not answer: who reads its counters learns why."""
        import httpx

        try:
            return self._scene.admin_of(place).config_dump()
        except (httpx.HTTPError, OSError):
            return None

    def _must_answer(self, place: EnvoyPlace) -> None:
        used = self.ask(place)
        try:
            used.now()
        finally:
            used.close()


def _number(container: Container) -> int:
    ended = container.ended()
    return 0 if ended is None else ended.number
