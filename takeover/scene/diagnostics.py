"""Everything about a scene that helps to see why a test failed, as text."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from takeover.base.errors import TakeoverError
from takeover.envoy.rejection import without_banner
from takeover.scenario.places import ControlPlanePlace, EnvoyPlace
from takeover.scene.control_planes import control_planes_of, record_of
from takeover.scene.redaction import without_secrets, without_values
from takeover.scene.scene import Scene

# What moves whether or not there is traffic under test, or says nothing about it.
_IRRELEVANT = ("server.", "runtime.", "filesystem.", "listener.admin.", "http.admin.", "main_thread.", "workers.")
_LAST_LINES = 60
_LONGEST_LINE = 1000


@dataclass(frozen=True)
class Diagnostics:
    """What was there when the test failed, each asked for once. What could not be had says why: it hides no other.

    Args:
        logs: (Pod, container) → its whole log, without the values of the scenario's Secrets.
        stats: Envoy's counters and gauges, a line each.
        config: what Envoy runs with, as JSON.
        rules: the NAT rules of Envoy's Pod.
        others: POD/CONTAINER → the same of each Envoy beside the first, where there are several.
        records: POD/CONTAINER → what a control plane has recorded, a line for each entry.
    """

    logs: Mapping[tuple[str, str], str]
    stats: str
    config: str
    rules: str
    others: Mapping[str, "Diagnostics"] = field(default_factory=dict)
    records: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, scene: Scene) -> "Diagnostics":
        """Asks everybody."""
        pods, secrets = scene.deployment.pods.items(), scene.deployment.scenario.secrets()
        logs = {
            (pod, name): without_values(_or_why_not(each.logs), secrets)
            for pod, its in pods
            for name, each in its.containers.items()
        }
        first, *others = scene.envoys
        of_others = {f"{each.pod}/{each.container}": cls._of_envoy(scene, each, {}, {}) for each in others}
        records = {each.name: _or_why_not(_record(scene, each)) for each in control_planes_of(scene.deployment)}
        return replace(cls._of_envoy(scene, first, logs, of_others), records=records)

    @classmethod
    def _of_envoy(
        cls, scene: Scene, place: EnvoyPlace, logs: Mapping[tuple[str, str], str], others: Mapping[str, "Diagnostics"]
    ) -> "Diagnostics":
        def stats() -> str:
            return "".join(f"{k}: {v}\n" for k, v in sorted(scene.admin_of(place).stats().items()))

        def config() -> str:
            return json.dumps(without_secrets(scene.admin_of(place).config_dump()), indent=1, ensure_ascii=False)

        rules = scene.pod(place.pod).nat_rules
        return cls(logs, _or_why_not(stats), _or_why_not(config), _or_why_not(rules), others)

    def sections(self) -> dict[str, str]:
        """Title → text, as a report shows it: the ends of the logs, the counters that moved, the rules."""
        texts = {f"log of {pod}/{container}": end_of_log(log) for (pod, container), log in self.logs.items()}
        texts |= {f"record of the control plane {name}": end_of_log(record) for name, record in self.records.items()}
        texts["Envoy's counters above zero"] = _above_zero(self.stats)
        texts["iptables -t nat -S -v"] = self.rules
        for name, each in self.others.items():
            texts |= {f"{title}, of {name}": text for title, text in each.sections().items()}
        return {title: text for title, text in texts.items() if text}

    def files(self) -> dict[str, str]:
        """File name → text of what a failed test leaves whole."""
        files = {f"{pod.replace('/', '-')}-{container}.log": log for (pod, container), log in self.logs.items()}
        files |= {"stats.txt": self.stats, "config_dump.json": self.config, "iptables.txt": self.rules}
        files |= {f"{name.replace('/', '-')}-xds.txt": record for name, record in self.records.items()}
        for name, each in self.others.items():
            of = name.replace("/", "-")
            files |= {f"{of}-{file}": text for file, text in each.files().items()}
        return {name: text for name, text in files.items() if text}


def _record(scene: Scene, place: ControlPlanePlace) -> Callable[[], str]:
    return lambda: "".join(f"{each}\n" for each in record_of(scene.deployment, place))


def _or_why_not(tell: Callable[[], str]) -> str:
    import httpx

    try:
        return tell()
    except (TakeoverError, httpx.HTTPError, OSError) as error:
        return f"(not to be had: {error})"


def end_of_log(log: str) -> str:
    """As much of a log as a report shows: its last lines, of which none is endless."""
    lines = [f"{line[:_LONGEST_LINE]}…" if len(line) > _LONGEST_LINE else line for line in without_banner(log)]
    left_out = len(lines) - _LAST_LINES
    return "\n".join([f"({left_out} lines before)"] * (left_out > 0) + lines[-_LAST_LINES:])


def _above_zero(stats: str) -> str:
    lines = stats.splitlines()
    return "\n".join(each for each in lines if not each.endswith(": 0") and not each.startswith(_IRRELEVANT))
