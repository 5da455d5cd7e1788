"""What a run of pytest has to know to be a check: the plugin object that `takeover check` gives it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from msgspec.structs import replace

from takeover.base import atomic
from takeover.check.coverage.lines import lines_of
from takeover.check.coverage.listing import listing
from takeover.check.coverage.measuring import coverage, places_of
from takeover.check.coverage.taken_apart import parts_of
from takeover.check.records import Derived, Given, Place, World
from takeover.model.checked import Checked, ConfigPart, LeftOut, NotAsInProduction
from takeover.model.document import ConfigResult, Document
from takeover.model.json import with_texts
from takeover.probes.probe_file import FILE

_UNABLE = "this Envoy takes nothing of the configuration"


class Conduct:
    """A check: what was given, and what was made of it.

    Args:
        library: the folder in which the scenario's folder is.
        configs: for each Envoy whether it takes the whole configuration.
        unable: the Envoys that take nothing of it, on which no probe is made, and why.
        redacted: a text without what may be a secret of who gave it.
    """

    NAME: ClassVar = "takeover-check"
    """Under which pytest's plugin manager knows it."""
    CALLED: ClassVar = "check"
    """What messages and ids call the library's folder, whose real name is another one each time."""

    def __init__(
        self,
        given: Given,
        world: World,
        derived: Derived,
        configs: dict[str, ConfigResult],
        left_out: Sequence[LeftOut],
        unable: Mapping[str, str],
        redacted: Callable[[str], str],
    ) -> None:
        self.library: Path = world.scenario.parent
        self.redacted = redacted
        self._given, self._world, self._derived = given, world, derived
        self._configs = configs
        self._left_out = left_out
        self.unable = dict(unable)
        self._parts = parts_of(given, redacted)
        self._line_of = lines_of(given)
        self._found: dict[str, list[ConfigPart]] = {}

    @property
    def number_of_probes(self) -> int:
        """On each Envoy."""
        return len(self._derived.targets)

    def complete(self, document: Document) -> Document:
        """Adds to the results of an Envoy what the check knows besides; changes it."""
        found = self._found[document.envoy.name] = coverage(
            self._parts, document.probes, self._derived, self._world, self._line_of
        )
        if document.envoy.name in self.unable:
            found[:] = [replace(each, why=_UNABLE) for each in found]
        checked = Checked(
            file=str(self._given.source),
            kind=self._given.kind,
            scenario=self._world.scenario.name,
            probes=len(document.probes),
            different=[
                NotAsInProduction(each.what, each.why, place_told(each.place))
                for each in (*self._world.different, *self._derived.different)
            ],
            parts=found,
            unasked=dict(self._derived.unasked),
            not_probed=dict(self._derived.left_out),
            left_out=list(self._left_out),
        )
        document.checked = with_texts(checked, self.redacted)
        if (whole := self._configs.get(document.envoy.name)) is not None:
            told = with_texts(whole, self.redacted)
            document.configs = [told if each.scenario == whole.scenario else each for each in document.configs]
        return document

    def keep(self, run: Path) -> None:
        """Leaves the probes among the results of a run, as they may be shown. Raises: OSError."""
        atomic.write(run / FILE, self.redacted(self._derived.text).encode())

    def told(self) -> Iterator[str]:
        """What is not as in production, a line each."""
        for each in (*self._world.different, *self._derived.different):
            place = f" ({place_told(each.place)})" if each.place is not None else ""
            yield f"not as in production: {each.what}: {each.why}{place}"

    def lines(self) -> Iterator[str]:
        """The coverage as a short table."""
        for name, why in self.unable.items():
            yield f"not compared: Envoy {name} takes nothing of the configuration: {self.redacted(why)}"
        yield from listing(self._found, self._derived, places_of(self._parts))


def place_told(place: Place | None) -> str:
    """FILE:LINE: PATH, as far as there is one."""
    if place is None:
        return ""
    where = place.file if place.line is None else f"{place.file}:{place.line}"
    return f"{where}: {place.path}" if place.path else where
