"""The base configurations of a sweep: the listeners and clusters of scenarios, and where their files are here."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from takeover.base.errors import BadInputError
from takeover.inventory.configs import Config, configs
from takeover.peers.control_plane import protos
from takeover.scenario.library import Library
from takeover.scenario.typed_yaml import Json
from takeover.sweep.smallest import ANY_NAME
from takeover.sweep.variants import Base

_KINDS = {"listeners": "envoy.config.listener.v3.Listener", "clusters": "envoy.config.cluster.v3.Cluster"}


@dataclass(frozen=True)
class Bases:
    """Those of some scenarios.

    Args:
        left_out: what could not be read with the installed protos, a line each.
    """

    resources: Sequence[Base]
    files: Sequence[Path]
    static_resources: Mapping[str, object]
    left_out: Sequence[str]

    @property
    def cluster_names(self) -> list[str]:
        """What clusters are called, also by what is made with the fewest fields."""
        clusters = [each.name for each in self.resources if each.message.DESCRIPTOR.name == "Cluster"]
        return list(dict.fromkeys([*clusters, ANY_NAME]))


def bases(library: Library, scenarios: Sequence[str]) -> Bases:
    """The bases of these scenarios. Raises: BadInputError for what a library has not."""
    wanted = [each for each in configs(library) if each.source == "manifest" and _scenario(each) in scenarios]
    resources, left_out = list[Base](), list[str]()
    secrets = dict[str, object]()
    for config in wanted:
        static = config.content.get("static_resources") or {}
        secrets |= {each.get("name", ""): each for each in static.get("secrets") or ()}
        for kind, message in _KINDS.items():
            for number, written in enumerate(static.get(kind) or (), 1):
                name = written.get("name") or f"{kind}-{number}"
                try:
                    made = protos.parse(f"type.googleapis.com/{message}", {**written, "name": name})
                except (protos.UnknownTypeError, ValueError) as error:
                    left_out.append(f"{config.scenario} {name}: {error}")
                    continue
                resources.append(Base(_scenario(config), made, _host(written)))
    if not resources:
        raise BadInputError(f"--sweep: no listener and no cluster in {', '.join(scenarios)}")
    files = [path for each in wanted for path in each.files.values()]
    static_resources = {"secrets": list(secrets.values())} if secrets else {}
    return Bases(resources, list(dict.fromkeys(files)), static_resources, left_out)


def _host(listener: Json) -> str:
    """The first name that a virtual host of it has; any, where all are taken."""
    named = (each for each in _domains(listener) if "*" not in each)
    return next(named, "probe.example")


def _domains(data: Json) -> Iterator[str]:
    if isinstance(data, dict):
        yield from (each for each in data.get("domains") or () if isinstance(each, str))
        for value in data.values():
            yield from _domains(value)
    elif isinstance(data, list):
        for value in data:
            yield from _domains(value)


def _scenario(config: Config) -> str:
    return config.scenario.partition("/")[0]
