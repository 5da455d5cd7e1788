"""Envoys that take nothing of a configuration, of which no part can be left out: no probe is made on them.

Their groups of probes would each fail for the one reason that is told once.
"""

from collections.abc import Mapping, Sequence

import yaml

from takeover.check.records import World
from takeover.model.document import ConfigResult
from takeover.model.release import Release
from takeover.model.versions import version_of
from takeover.scenario.scenario_file import FILE


def leave_out(world: World, whole: Mapping[str, ConfigResult], releases: Sequence[Release]) -> dict[str, str]:
    """Has the scenario of that world support the others alone. Returns why not, in Envoy's words, by their names.

    Scenarios name Envoys by version: where one of the same version takes it, or a version cannot be told, none is left
    out, and the run tells why each of their groups fails.

    Args:
        whole: what each makes of all of it.
    """
    refusing = [each for each in releases if not whole[each.name].loads]
    versions = {version_of(each.version) for each in refusing}
    if None in versions or any(whole[each.name].loads and version_of(each.version) in versions for each in releases):
        return {}
    file = world.scenario / FILE
    written = yaml.safe_load(file.read_text(encoding="utf-8"))
    written["supports"] = {
        "envoy": ", ".join(sorted(f"!={each}" for each in versions)),
        "reason": "an Envoy takes nothing of the configuration",
    }
    file.write_text(yaml.safe_dump(written, sort_keys=False), encoding="utf-8")
    return {each.name: whole[each.name].error for each in refusing}
