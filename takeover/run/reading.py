"""The scenarios of a run as its process reads them: once, and before it forks its workers what each would read."""

import contextlib
import functools
from pathlib import Path

import pytest

from takeover.base.errors import BadInputError
from takeover.peers.kept import kept
from takeover.run.checking import conduct_of
from takeover.run.options import scenarios_folder
from takeover.run.probe_groups import ProbeGroups, is_of_everything
from takeover.scenario.delivery import DELIVERIES, Delivery
from takeover.scenario.library import Library
from takeover.scenario.sabotage import FILE as SABOTAGE_FILE


@functools.cache
def _read_at(folder: Path, delivery: Delivery) -> Library:
    return Library(folder, delivery)


@functools.cache
def groups_of(library: Library, chosen: str) -> ProbeGroups:
    """Its groups of probes, of those scenarios whose probes -m may choose."""
    return ProbeGroups(library, chosen)


def library_of(config: pytest.Config) -> Library:
    """The scenarios that the options name. Raises: BadInputError."""
    known: dict[str | None, Delivery] = {None: "static", **{each: each for each in DELIVERIES}}
    given = config.option.delivery
    if given not in known:
        raise BadInputError(f"--delivery {given}: there are {', '.join(DELIVERIES)}")
    return _read_at(scenarios_folder(config), known[given])


def observes(config: pytest.Config, *, several: bool) -> bool:
    """Whether probes are among what is run: several Envoys have them anyway."""
    option = config.option
    return option.sabotage is None and option.sweep is None and (option.probes or several)


def are_several(envoy: str | None) -> bool:
    """Whether that option may name more than one Envoy."""
    return envoy is not None and ("," in envoy or envoy == "all")


def read_ahead(config: pytest.Config) -> None:
    """Reads what all workers will. What is wrong is for them to tell; a check calls its files by other names, later."""
    if conduct_of(config) is not None:
        return
    with contextlib.suppress(BadInputError), kept():
        library = library_of(config)
        if config.option.sabotage is not None:
            for name in library.names_with(SABOTAGE_FILE):
                library.scenario(name)
        elif observes(config, several=are_several(config.option.envoy)) and is_of_everything(config):
            groups = groups_of(library, config.option.markexpr)
            for name in groups:
                if groups.may_be_chosen(name, config.option.keyword, [""]):
                    groups[name]
