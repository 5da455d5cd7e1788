"""The configurations that are probed: of each group of probes, with its edits, all that its Envoys are told."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec

from takeover.inventory.extensions import lacking
from takeover.model.release import Release
from takeover.probes.probe import Group
from takeover.probes.probe_file import read_probes
from takeover.scenario.library import Library
from takeover.scenario.loader import Scenario
from takeover.scenario.typed_yaml import Json

BOOTSTRAP = "envoy.config.bootstrap.v3.Bootstrap"
_YAML = (".yaml", ".yml")


@dataclass(frozen=True)
class Configuration:
    """What stands in one file of a group's deployment.

    Args:
        groups: those whose Envoys are told so, as SCENARIO/GROUP.
        file: the file's name, by which edits name it.
        message: the full name of the message that it is; empty for a file of resources, each with its "@type".
        data: what stands there.
    """

    groups: list[str]
    file: str
    message: str
    data: Json


def probed_groups(library: Library, release: Release) -> list[Group]:
    """The groups of probes that this Envoy gets, in the order of their names. Raises: BadInputError."""
    return [
        group
        for name in library.names()
        for group in read_probes(library.scenario(name))
        if group.probes and _is_supported(library.scenario(name), group, release)
    ]


def _is_supported(scenario: Scenario, group: Group, release: Release) -> bool:
    supports = [each for each in (scenario.supports, group.supports) if each is not None]
    return not any(each.refuses(release.version) or lacking(release, each.extensions) for each in supports)


def whole_configurations(library: Library, groups: Sequence[Group]) -> list[Configuration]:
    """What these groups' Envoys are told; what several are told alike, once. Raises: BadInputError."""
    found: dict[tuple[str, bytes], Configuration] = {}
    for group in groups:
        for each in _of_group(library, group):
            # What an edit leaves to the run is not JSON: its text tells it from all else.
            key = each.message, msgspec.json.encode(each.data, order="sorted", enc_hook=repr)
            known = found.setdefault(key, each)
            if known is not each:
                known.groups.extend(each.groups)
    return list(found.values())


def _of_group(library: Library, group: Group) -> Iterator[Configuration]:
    scenario = library.scenario(group.scenario, group.bases).edited(group.edits)
    of_envoys = {each.config for each in scenario.envoys}
    for file in scenario.config_files():
        if file.endswith(_YAML):
            data = scenario.config(file)
            if file in of_envoys:
                yield Configuration([group.id], file, BOOTSTRAP, data)
            elif isinstance(data, dict) and isinstance(data.get("resources"), list):
                yield Configuration([group.id], file, "", data)
