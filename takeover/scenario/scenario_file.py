"""scenario.yaml and base.yaml: who is who in the manifests, and what a scenario says of itself."""

from typing import Annotated, ClassVar, TypeAlias

import msgspec
from msgspec import UNSET, UnsetType

from takeover.scenario.declared import KnownFailureEntry, SupportEntry
from takeover.scenario.typed_yaml import Entry, Text
from takeover.scenario.written_edits import EditEntry

FILE = "scenario.yaml"
BASE_FILE = "base.yaml"

Port: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=65535)]


class EnvoyEntry(Entry):
    """A container that runs Envoy. Each is a witness; of several, the first is the one meant where none is named.

    Args:
        pod: its Pod, `NAME` or `NAMESPACE/NAME`.
        container: the container's name.
        admin: the port of its admin API, which need not be given: the config has it, or gets a free one.
        config: the file with its config, as a configMapGenerator takes it.
        beside: clusters to which Envoy tells of itself at its own times (statistics, traces, logs): what they count is
            left out of account, as that of a control plane is.
    """

    pod: Text
    container: Text
    admin: Port | UnsetType = UNSET
    config: Text = "envoy.yaml"
    beside: tuple[Text, ...] = ()


class DestinationEntry(Entry):
    """A container that answers requests and writes down who asked: to stdout, a line each, in the order of its answers.

    Args:
        pod: its Pod, `NAME` or `NAMESPACE/NAME`.
        container: the container's name.
        port: where it is asked over the Pod's loopback whether its log is complete (HEAD /fence/…; it must log that).
        log: the form of its lines: `json` (an object each), `combined` (of nginx and Apache), or a registered one.
        fields: with `json`: our names of fields → the log's own, for those that differ.
    """

    pod: Text
    container: Text
    port: Port
    log: Text
    fields: dict[str, Text] = msgspec.field(default_factory=dict)


class ControlEntry(Entry):
    """Ends every connection that its program has when a line is sent to it, and then answers with a line.

    Args:
        pod: its Pod, `NAME` or `NAMESPACE/NAME`.
        port: where it takes the line, over the Pod's loopback.
    """

    pod: Text
    port: Port


class TryEntry(Entry):
    """A command that a person runs in a scenario that is kept, and that shows what its suite proves.

    Args:
        in_: where it runs: POD/CONTAINER.
        command: a line for a shell. `{host_name: SERVICE}`, `{cluster_ip: SERVICE}` and `{pod_ip: POD}` in it stand for
            what only a run knows.
        shows: what is in its output then.
    """

    in_: Text = msgspec.field(name="in")
    command: Text
    shows: Text


class ScenarioFile(Entry, kw_only=True):
    """`scenario.yaml`: makes a folder with a kustomization.yaml a scenario.

    Args:
        title: what it shows; the folder's name, if nothing is given.
        chinese: the article's heading.
        article: the article's section; scenarios come in its order.
        chapter: a pytest marker for the scenario's probes.
        envoys: the containers that run Envoy, at least one.
        destinations: the containers that log who asked them, beside those of the bases.
        supports: the Envoys that it supports; without it: all.
        known_failures: tests that fail on some versions of Envoy.
        swept: whether `--sweep` takes its configuration as a base, where it is not told which.
        bind: edits that put in what only a run knows, after all others; where one of those has put something else at
            the place, it stays.
        try_: commands that show by hand what its suite proves; a run with --keep prints them.
    """

    RENAMED: ClassVar = {"run": "bind"}

    title: Text = ""
    chinese: Text = ""
    article: Text = ""
    chapter: Text = ""
    envoys: Annotated[tuple[EnvoyEntry, ...], msgspec.Meta(min_length=1)]
    destinations: tuple[DestinationEntry, ...] = ()
    supports: SupportEntry | UnsetType = UNSET
    known_failures: tuple[KnownFailureEntry, ...] = ()
    swept: bool = False
    bind: tuple[EditEntry, ...] = ()
    try_: tuple[TryEntry, ...] = msgspec.field(name="try", default=())


class BaseFile(Entry):
    """`base.yaml`: what a folder that several scenarios take (a base) says of its Pods. It need not have one.

    Args:
        control: a program that ends its connections when asked: the probes' upstream must, for each to begin with none.
        destinations: the containers that log who asked them.
    """

    control: ControlEntry | UnsetType = UNSET
    destinations: tuple[DestinationEntry, ...] = ()
