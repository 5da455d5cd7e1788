"""The pages of docs/, one for each scenario: what its suite states, and what its manifests are."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from takeover.base import atomic
from takeover.base.errors import BadInputError
from takeover.base.paths import display_path
from takeover.report.page import About, in_order
from takeover.report.templates import render
from takeover.report.words import spoken
from takeover.scenario.library import Library
from takeover.scenario.loader import Scenario
from takeover.scenario.sabotage import read_sabotages

PATHS = "paths"

_GUIDES = (
    ("has read the article, and wants the sequel", "A mini mesh, step by step", "building-a-mesh.md"),
    ("validates an upgrade of Envoy", "What an upgrade changes", "upgrade.md"),
    ("has a job for it in CI", "In CI", "ci.md"),
    ("asks what an exit code means", "Exit codes", "exit-codes.md"),
    ("has a Mac, or may install nothing", "In a container", "docker.md"),
    ("has a cluster", "On a cluster", "clusters.md"),
    ("has scenarios of their own", "Your own scenarios", "own-scenarios.md"),
    ("wants to give an Envoy its configuration by xDS", "The control plane", "control-plane.md"),
    ("looks up a field of a YAML file", "Every field of the YAML files", "reference.md"),
    ("gets configuration by xDS", "The same configuration, delivered by xDS", "delivery.md"),
    ("wants to know why to believe it", "What a verdict rests on", "verdicts.md"),
    ("wants to see what nobody asserted", "Probes", "probes.md"),
    ("needs a server that does what none should", "The hostile upstream", "hostile-upstream.md"),
    ("needs what filters and loggers ask", "Services that Envoy asks", "services.md"),
    ("has a configuration of their own", "Your own configuration, on two Envoys", "check.md"),
    ("asks what a check of their own configuration reads", "What a check is given", "check-inputs.md"),
    ("looks for a feature of Envoy", "The atlas", "atlas.md"),
    ("asks what no probe comes by", "How far the probes reach", "reach.md"),
    ("asks how much of what releases change is found", "How much of what changed is found", "recall.md"),
    ("asks what no configuration of theirs has", "One field at a time", "sweep.md"),
    ("doubts that the suites notice anything", "Sabotage", "sabotage.md"),
    ("asks what it costs", "Measured", "measured.md"),
    ("changes it", "How it is built", "architecture.md"),
)
"""Whom a page of the folder is for, its title, its file: those that are there are listed."""


@dataclass(frozen=True)
class Suite:
    """What one file states of one scenario: its first lines, and how many cases each test has."""

    scenario: str
    file: str
    about: str
    tests: Counter[str]


def write(folder: Path, library: Library, suites: Sequence[Suite], program: str) -> None:
    """Writes a page for each scenario of the suites, and README.md, which lists them in the article's order.

    Args:
        folder: where. Links of one that is not in the current folder, the project's, are those of docs/ there.
        library: the scenarios.
        suites: what is told of them.
        program: what runs the project's tests.

    Raises: BadInputError for a folder that cannot be written.
    """
    abouts = in_order(library, {each.scenario for each in suites})
    pages = {}
    for about in abouts:
        its = [each for each in suites if each.scenario == about.name]
        own = [each for each in its if _is_own(each, suites)]
        visiting = [each.file for each in its if each not in own]
        pages[f"{about.name}.md"] = _page(library.scenario(about.name), about, own, visiting, _Places(folder, program))
    guides = [each for each in _GUIDES if (folder / each[2]).exists()]
    pages["README.md"] = render("docs.md.j2", abouts=abouts, paths=PATHS, guides=guides, program=program)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in pages.items():
            atomic.write(folder / name, text.encode())
    except OSError as error:
        raise BadInputError(f"--write-docs: cannot write to {display_path(folder)}: {error.strerror}") from error


def _is_own(suite: Suite, suites: Iterable[Suite]) -> bool:
    """Whether it is the scenario's: no suite of another one that only begins in it."""

    def has_most(others: Iterable[Suite]) -> bool:
        return suite.tests.total() == max(each.tests.total() for each in others)

    of_file = (each for each in suites if each.file == suite.file)
    return has_most(of_file) or has_most(each for each in suites if each.scenario == suite.scenario)


@dataclass(frozen=True)
class _Places:
    """Where a page stands, and what runs the tests that it tells of."""

    folder: Path
    program: str

    def link(self, path: str | Path) -> str:
        """What leads from the page to a file of the project."""
        project = Path.cwd()
        own = self.folder if self.folder.is_relative_to(project) else project / "docs"
        return os.path.relpath(project / path, own)


def _page(scenario: Scenario, about: About, suites: Sequence[Suite], visiting: Sequence[str], places: _Places) -> str:
    configs = list(dict.fromkeys(envoy.config for envoy in scenario.envoys))
    resources = [scenario.config(each).get("static_resources") or {} for each in configs]
    return render(
        "scenario.md.j2",
        about=about,
        paths=PATHS,
        suites=suites,
        lines=[(each, scenario.as_written(each)) for each in scenario.try_lines],
        visiting=visiting,
        tests=[(suite, [(spoken(test), cases) for test, cases in suite.tests.items()]) for suite in suites],
        addresses=list(_addresses(scenario.objects())),
        objects=list(_objects(scenario.objects())),
        configs=configs,
        listeners=[line for config in resources for line in _listeners(config.get("listeners", []))],
        clusters=[
            (each["name"], each.get("type", "STATIC"), list(_endpoints(each)))
            for config in resources
            for each in config.get("clusters", [])
        ],
        sabotages=read_sabotages(scenario),
        program=places.program,
        link=places.link,
        folder=display_path(scenario.folder),
        library=display_path(scenario.library.folder),
        copy=Path(scenario.library.folder.name, scenario.folder.relative_to(scenario.library.folder)),
    )


def _objects(objects: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """What each is called, and what is in it."""
    for each in objects:
        metadata, spec = each["metadata"], each.get("spec", {})
        namespace = metadata.get("namespace", "default")
        name = f"{each['kind']} {'' if namespace == 'default' else namespace + '/'}{metadata['name']}"
        if each["kind"] == "Pod":
            first = [f"{part['name']} (init)" for part in spec.get("initContainers", [])]
            parts = [*first, *(part["name"] for part in spec["containers"])]
            yield name, "containers " + ", ".join(parts)
        elif each["kind"] == "Service":
            ports = spec.get("ports") or []  # a headless one may have none
            yield name, ", ".join(f"port {port['port']} → {port.get('targetPort', port['port'])}" for port in ports)
        elif each["kind"] == "Secret":
            yield name, ", ".join([*each.get("data", {}), *each.get("stringData", {})])
        else:
            yield name, ""


def _addresses(objects: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str, str]]:
    """The Services whose address is written: name, address, and one like it that every usual range has."""
    for each in objects:
        address = each["spec"].get("clusterIP", "") if each["kind"] == "Service" else ""
        if address[:1].isdigit():
            yield f"Service {each['metadata']['name']}", address, ".".join(["10.96", *address.split(".")[2:]])


def _listeners(listeners: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str, list[str]]]:
    """Name, address, and the filters of its chains; an HTTP connection manager with its own filters."""
    for each in listeners:
        chains = [*each.get("filter_chains", []), *filter(None, [each.get("default_filter_chain")])]
        filters = [_filter(part) for chain in chains for part in chain.get("filters", [])]
        opened = "" if each.get("bind_to_port", True) else ", opens no socket"
        yield each.get("name", ""), f"{_address(each.get('address', {}))}{opened}", filters


def _address(data: Mapping[str, Any]) -> str:
    """As it is written for people; of one that is no socket's only its kind and name."""
    if socket := data.get("socket_address"):
        return f"{socket['address']}:{socket.get('port_value', socket.get('named_port'))}"
    (kind, named) = next(iter(data.items()), ("no address", {}))
    return " ".join([kind.replace("_", " "), *(str(each) for each in named.values())])


def _filter(data: Mapping[str, Any]) -> str:
    inner = [part["name"] for part in data.get("typed_config", {}).get("http_filters", [])]
    return f"{data['name']} ({', '.join(inner)})" if inner else f"{data['name']}"


def _endpoints(cluster: Mapping[str, Any]) -> Iterator[str]:
    for locality in cluster.get("load_assignment", {}).get("endpoints", []):
        for endpoint in locality.get("lb_endpoints", []):
            yield _address(endpoint.get("endpoint", {}).get("address", {}))
