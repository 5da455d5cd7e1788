"""What a check of somebody's own configuration adds to an Envoy's results: what is not as in production, coverage."""

from typing import Literal

import msgspec

PartKind = Literal["listener", "filter chain", "virtual host", "route", "cluster"]


class _Part(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """Strict, as the document is; what is not said is left out: there may be thousands."""


class NotAsInProduction(_Part):
    """One thing that had to be otherwise than in production.

    Args:
        what: in words; `why` likewise.
        where: FILE:LINE: PATH, as far as that is known.
    """

    what: str
    why: str
    where: str = ""


class ConfigPart(_Part):
    """A part of the configuration, and which probes reached it on this Envoy.

    Args:
        id: in Envoy's own terms, such as `listener web / filter chain 0 / virtual host shop / route 2`.
        within: the id of the part in which it stands; empty for listeners and clusters.
        where: FILE:LINE.
        probes: how many probes reached it, by what was observed of them.
        told_by: by what that was told apart from other parts, in words.
        why: why none reached it.
        by: the probes that reached it, as GROUP/PROBE, and those that were for it and a filter ended before; only of
            parts in which no other stands.
    """

    id: str
    kind: PartKind
    name: str
    within: str = ""
    where: str = ""
    probes: int = 0
    told_by: str = ""
    why: str = ""
    by: list[str] = []


class LeftOut(_Part):
    """What an Envoy does not take, and what was therefore left out for all Envoys so that the rest could be compared.

    Args:
        envoys: those that do not take it.
        names: of the resources, such as `listener web`.
        message: Envoy's own words.
    """

    envoys: list[str]
    names: list[str]
    message: str
    where: str = ""


class Checked(_Part):
    """A check of a configuration.

    Args:
        file: what was given, as the user named it.
        kind: what it is: "bootstrap" or "config dump".
        scenario: the name under which its probes stand.
        probes: how many were made on this Envoy.
        different: what is not as in production.
        parts: the configuration's, each after the part in which it stands.
        unasked: parts that no probe aims at → the reason.
        not_probed: how many more probes there would be, by the bound that left them out.
        left_out: what was left out so that the rest could be compared.
    """

    file: str
    kind: str
    scenario: str
    probes: int = 0
    different: list[NotAsInProduction] = []
    parts: list[ConfigPart] = []
    unasked: dict[str, str] = {}
    not_probed: dict[str, int] = {}
    left_out: list[LeftOut] = []
