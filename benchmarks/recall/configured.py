"""What of Envoy's configuration a probe meets: its listener's and its clusters', as a flat list of what is set."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from takeover.base.errors import BadInputError
from takeover.inventory.corpus import corpus
from takeover.model.repeats import whole
from takeover.probes.probe import Group, Probe
from takeover.probes.probe_file import read_probes
from takeover.scenario.envoy_config import either
from takeover.scenario.library import Library
from takeover.scenario.loader import Scenario

_CORPUS = "corpus"  # the word by which results call the place of what is no probe, but one of its variants

Settings = frozenset[str]
"""Each scalar of a config as FIELD=VALUE, each message as FIELD=; what a typed_config is as type=NAME."""


class Configured:
    """The settings behind each probe of a library, and those of whole scenarios, each found once."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._names = frozenset(library.names())
        self._known: dict[tuple[str, str], Settings] = {}
        self._read: set[str] = set()

    def of(self, scenario: str, probe: str) -> Settings:
        """What the probe meets; for what is no probe of today, all that its scenario sets; nothing without one.

        A configuration of the corpus is one by itself.
        """
        if probe == _CORPUS:
            return self._corpus.get(scenario, frozenset())
        if scenario not in self._names:
            return frozenset()
        if scenario not in self._read:
            self._read.add(scenario)
            self._known[scenario, ""] = settings(list(_configs(self._library.scenario(scenario))))
            for group in read_probes(self._library.scenario(scenario)):
                configs = list(_configs(self._edited(group)))
                ways: dict[tuple[int, str], Settings] = {}
                for each in group.probes:
                    way = each.to.port, _host(each)
                    if way not in ways:
                        ways[way] = settings(_met(configs, *way))
                    self._known[scenario, f"{group.name}/{each.name}"] = ways[way]
        return self._known.get((scenario, probe), self._known[scenario, ""])

    @cached_property
    def _corpus(self) -> dict[str, Settings]:
        return {each.name: settings(each.content) for file in corpus(self._library) for each in file.variants}

    def _edited(self, group: Group) -> Scenario:
        return self._library.scenario(group.scenario, group.bases).edited(group.edits)


def _configs(scenario: Scenario) -> Iterator[Any]:
    """Its Envoys' configs, and what else they may get: every file beside them that is YAML."""
    for name in scenario.config_files():
        try:
            yield scenario.config(name)
        except BadInputError:
            continue  # a file of another form, such as a certificate


def _host(probe: Probe) -> str:
    host = whole(probe.request.host or "")
    return host.rpartition(":")[0] or host


def _met(configs: list[Any], port: int, host: str) -> Any:
    """The listeners at the port, without virtual hosts of others, and the clusters that are named there.

    At an admin API's port it is what is said of that. Where none listens (interception, xDS) nobody knows the way: then
    it is all there is.
    """
    admins = [either(each, "admin") for each in configs if isinstance(each, Mapping)]
    if asked_of := [each for each in admins if f"port_value={port}" in settings(each)]:
        return {"admin": asked_of}
    listeners = [each for config in configs for each in _resources(config, "listeners") if _listens(each, port)]
    if not listeners:
        return configs
    met: list[Any] = [_of_host(each, host) for each in listeners]
    clusters = {each.get("name"): each for config in configs for each in _resources(config, "clusters")}
    named = set(_texts(met)) & clusters.keys()
    return [*met, *({"clusters": clusters[each]} for each in sorted(named))]


def _resources(config: Any, kind: str) -> list[Mapping[str, Any]]:
    static = either(config, "static_resources") if isinstance(config, Mapping) else None
    found = static.get(kind) if isinstance(static, Mapping) else None
    return [each for each in found or () if isinstance(each, Mapping)]


def _listens(listener: Mapping[str, Any], port: int) -> bool:
    return f"port_value={port}" in settings({each: listener.get(each) for each in ("address", "additional_addresses")})


def _of_host(data: Any, host: str) -> Any:
    """The data with those virtual hosts alone that name the host, where one does."""
    if isinstance(data, list):
        hosts = [each for each in data if isinstance(each, Mapping) and host in (each.get("domains") or ())]
        return [_of_host(each, host) for each in hosts or data]
    if isinstance(data, Mapping):
        return {key: _of_host(value, host) for key, value in data.items()}
    return data


def _texts(data: Any) -> Iterator[str]:
    if isinstance(data, str):
        yield data
    elif isinstance(data, Mapping | list):
        for each in data.values() if isinstance(data, Mapping) else data:
            yield from _texts(each)


def settings(data: Any) -> Settings:
    """All that the data sets."""
    return frozenset(_settings(data, ""))


def _settings(data: Any, field: str) -> Iterator[str]:
    if isinstance(data, Mapping):
        yield f"{field}="
        for key, value in data.items():
            if key == "@type" and isinstance(value, str):
                yield f"type={value.rpartition('.')[2]}"
            else:
                yield from _settings(value, str(key))
    elif isinstance(data, list):
        for each in data:
            yield from _settings(each, field)
    else:
        yield f"{field}={data}"
