"""Results of several Envoys that are kept together: each of a scenario's probes once, with what not all did alike."""

from typing import Final, Literal

import msgspec

from takeover.model.document import Document, Observation, UnstableAspect
from takeover.model.request import ProbeRequest

FORM: Final = 1
"""The number of this form, as of a document's schema."""


class Shortened(Observation, omit_defaults=True):
    """An observation without what all Envoys that made the probe have in common: to be compared with theirs alone."""


class Seen(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """What some of the Envoys did.

    Args:
        envoys: which; none: all that the file's set has.
    """

    observation: Shortened = msgspec.field(name="seen")
    envoys: list[str] = []


class SharedProbe(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A probe, what was observed of it on each Envoy that made it, and what was made again.

    Args:
        again: how many times it was made again on an Envoy, where that is not as often as there were further runs.
        unstable: by Envoys, what of it was not always the same there.
    """

    probe: str
    request: ProbeRequest
    seen: list[Seen]
    again: dict[str, int] = {}
    unstable: dict[str, list[UnstableAspect]] = {}


class SharedScenario(msgspec.Struct, forbid_unknown_fields=True):
    """All probes of one scenario."""

    scenario: str
    probes: list[SharedProbe]


class SharedEnvoys(msgspec.Struct, forbid_unknown_fields=True):
    """The set: of each Envoy, the oldest first, its document without probes.

    Args:
        runs: how many further runs of each Envoy there were, whose probes tell what is of chance.
        scenarios: how many there are, each a file of its own.
    """

    form: Literal[1]
    runs: int
    scenarios: int
    envoys: list[Document]
