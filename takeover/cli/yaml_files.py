"""The YAML files that people write, by the name under which their schema is asked for."""

from takeover.compare.accepted import AcceptedEntry
from takeover.probes.entries import GroupEntry
from takeover.probes.protocols.contract import protocols
from takeover.scenario.described import YamlFile
from takeover.scenario.sabotage import SabotageEntry
from takeover.scenario.scenario_file import BaseFile, ScenarioFile


def yaml_files() -> dict[str, YamlFile]:
    """Name → file."""
    probes = tuple(each.entry for each in protocols())
    return {
        "scenario": YamlFile("scenario.yaml", (ScenarioFile,), is_list=False, open={}),
        "base": YamlFile("base.yaml", (BaseFile,), is_list=False, open={}),
        "probes": YamlFile("probes.yaml", (GroupEntry,), is_list=True, open={("GroupEntry", "probes"): probes}),
        "probe-set": YamlFile("bases/probes/NAME.yaml", probes, is_list=True, open={}),
        "sabotage": YamlFile("sabotage.yaml", (SabotageEntry,), is_list=True, open={}),
        "accepted": YamlFile("accepted.yaml", (AcceptedEntry,), is_list=True, open={}),
    }
