"""Collects a run's results, release by release, and puts them into documents."""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from takeover.model.document import SCHEMA, BinaryResult, Envoy, Inventory, Outcome, ProbeResult, Sweep
from takeover.model.json import encode
from takeover.model.release import Release, ServerInfo
from takeover.model.removed import Removed, together
from takeover.model.root_file_system import RootFileSystem
from takeover.scenario.delivery import Delivery


class Collected:
    """What is known so far of one release. It holds encoded JSON: as objects, many versions would fill the memory.

    Args:
        engine: where it runs.
        delivery: how Envoy gets its configuration.
        runs_binary: whether the release's own binary does; of any other Envoy only that is known which it says itself.
    """

    def __init__(
        self, release: Release, engine: str, runs_binary: bool = True, delivery: Delivery = "static"
    ) -> None:  # fmt: skip
        self._envoy = Envoy(release.name, release.version, "", "", "")
        if runs_binary:
            self._envoy = Envoy(release.name, release.version, release.commit, release.build, release.sha256)
        self._engine = engine
        self._delivery = delivery
        self._info: ServerInfo | None = None
        self._expected: dict[str, Outcome] = {}
        self._outcomes: dict[str, bytes] = {}
        self._probes: list[bytes] = []
        self._removed: list[Removed] = []
        self._configs: list[bytes] = []
        self._binary: BinaryResult | None = None
        self._sweep: bytes | None = None
        self.root_file_system: RootFileSystem | None = None
        self.is_changed = False

    def expect(self, outcomes: Iterable[Outcome]) -> None:
        """Tests that were chosen, each of which is in the document as long as it has not ended."""
        self._expected |= {each.id: each for each in outcomes}

    def runs(self, info: ServerInfo) -> ServerInfo | None:
        """Learns what a deployed Envoy says that it is. Returns what another one said, if that was something else."""
        if self._info is None:
            self._info, self.is_changed = info, True
            self._envoy.commit, self._envoy.build = info.commit, info.build
        return self._info if self._info != info else None

    def add(self, outcome: Outcome) -> None:
        """The result of a test that has ended."""
        self._outcomes[outcome.id] = encode(outcome)
        self.is_changed = True

    def observe(self, probes: Iterable[ProbeResult]) -> None:
        """What was observed of probes."""
        self._probes += map(encode, probes)
        self.is_changed = True

    def leave_out(self, removed: Iterable[Removed]) -> None:
        """What the rules of normalisation took out of observations."""
        self._removed = together((*self._removed, *removed)) if removed else self._removed

    def take_inventory(self, inventory: Inventory) -> None:
        """What the Envoy by itself is."""
        self._configs += map(encode, inventory.configs)
        self._binary = inventory.binary or self._binary
        self.is_changed = True

    def take_sweep(self, sweep: Sweep) -> None:
        """What the Envoy made of variants of configurations."""
        self._sweep = encode(sweep)
        self.is_changed = True

    @property
    def is_anything_known(self) -> bool:
        """Whether a test has ended."""
        return bool(self._outcomes)

    @property
    def is_missed(self) -> bool:
        """Whether tests were expected, and none has ended."""
        return bool(self._expected) and not self._outcomes

    @property
    def is_complete(self) -> bool:
        """Whether every test that was expected has ended."""
        return self.is_anything_known and self._expected.keys() <= self._outcomes.keys()

    def document(self, now: datetime) -> bytes:
        """The document as JSON: complete if every test that was expected has ended."""
        self.is_changed = False
        left = {name: encode(each) for name, each in self._expected.items() if name not in self._outcomes}
        # In the order in which they were chosen, whoever was done first: documents can be compared as texts.
        ids = dict.fromkeys([*self._expected, *self._outcomes])
        found = left | self._outcomes
        return encode(
            {
                "schema": SCHEMA,
                "written": now.isoformat(timespec="seconds"),
                "complete": not left,
                "engine": self._engine,
                "envoy": self._envoy,
                "tests": [msgspec.Raw(found[each]) for each in ids],
                "probes": [msgspec.Raw(each) for each in sorted(self._probes)],
                "configs": [msgspec.Raw(each) for each in sorted(self._configs)],
                "binary": self._binary,
                **({"removed": self._removed} if self._removed else {}),
                **({} if self.root_file_system is None else {"root_file_system": self.root_file_system}),
                **({} if self._sweep is None else {"sweep": msgspec.Raw(self._sweep)}),
                **({} if self._delivery == "static" else {"delivery": self._delivery}),
            }
        )
