"""Edits in data form: how they stand in scenario.yaml, probes.yaml and sabotage.yaml."""

from dataclasses import dataclass
from typing import ClassVar

import msgspec

from takeover.base.errors import BadInputError
from takeover.scenario.edit_tree import check_edit
from takeover.scenario.edits import MISSING, OPS, ClusterIp, ConfigId, Edit, HostName
from takeover.scenario.typed_yaml import Entry, Json, Text
from takeover.scenario.yaml_text import Key

_WRITTEN_VALUES = ("cluster_ip", "host_name", "config_id")


class RunValueEntry(Entry):
    """A value that only a run knows, in the place of a string: exactly one of the fields.

    Args:
        cluster_ip: the ClusterIP of that Service, `NAME` or `NAMESPACE/NAME`.
        host_name: the full DNS name of that Service.
        config_id: `true`: what tells this deployment and state of its configs from any other.
    """

    RENAMED: ClassVar = {"mark": "config_id"}

    cluster_ip: Text = ""
    host_name: Text = ""
    config_id: bool = False


class EditEntry(Entry):
    """One change of one document, at exactly one place: one of replace, add, append and remove.

    Args:
        in_: the document: a YAML file that a configMapGenerator takes (`envoy.yaml`), or an object as `Kind/name` or
            `Kind/namespace/name`.
        replace: JSONPath (RFC 9535) of the value that `with` replaces by one of the same type.
        add: JSONPath of the mapping that gets `key` with the value `with`.
        append: JSONPath of the list that gets `with` as its last value.
        remove: JSONPath of the value that goes.
        with_: the new value: JSON data, in which `{cluster_ip: SERVICE}`, `{host_name: SERVICE}`, `{config_id: true}`
            stand for what only a run knows.
        key: with `add`: the key.
        was: with `replace` and `remove`: what the place must hold.
    """

    in_: Text = msgspec.field(name="in")
    replace: Text = ""
    add: Text = ""
    append: Text = ""
    remove: Text = ""
    with_: Json = msgspec.field(name="with", default=None)
    key: Text | None = None
    was: Json = None


@dataclass(frozen=True, eq=False)
class LocatedEdit:
    """An edit and the "FILE:LINE" where it is written."""

    edit: Edit
    where: str


def edit_of(entry: EditEntry) -> LocatedEdit:
    """The edit that an entry states. Raises: BadInputError "FILE:LINE: …"."""
    ops = [op for op in OPS if entry.has(op)]
    if len(ops) != 1:
        raise entry.error(f"an edit has one of {', '.join(OPS)}, not {' and '.join(ops) or 'none'}")
    op = ops[0]
    if entry.has("with") is (op == "remove"):
        raise entry.error("remove takes no `with`" if op == "remove" else f"{op} needs `with`")
    edit = Edit(
        document=entry.in_,
        op=op,
        path=getattr(entry, op),
        value=_value(entry),
        key=entry.key,
        was=entry.was if entry.has("was") else MISSING,
    )
    try:
        check_edit(edit)
    except BadInputError as error:
        raise entry.error(str(error)) from error
    return LocatedEdit(edit, entry.where())


def _value(entry: EditEntry) -> Json:
    """`with`, in which a mapping of one of RunValueEntry's keys, however deep, stands for what only a run knows."""
    if isinstance(entry.with_, dict) and len(entry.with_) == 1 and {*entry.with_} <= {*RunValueEntry.RENAMED}:
        return _run_value(entry, "with")
    return _read(entry, entry.with_, "with")


def _read(entry: EditEntry, value: Json, *keys: Key) -> Json:
    """What is written at `keys`."""
    match value:
        case dict() if len(value) == 1 and {*value} <= {*_WRITTEN_VALUES}:
            return _run_value(entry, *keys)
        case dict():
            return {key: _read(entry, each, *keys, key) for key, each in value.items()}
        case list():
            return [_read(entry, each, *keys, number) for number, each in enumerate(value)]
        case _:
            return value


def _run_value(entry: EditEntry, *keys: Key) -> ClusterIp | HostName | ConfigId:
    written = entry.converted(RunValueEntry, *keys)
    if written.cluster_ip:
        return ClusterIp(written.cluster_ip)
    if written.host_name:
        return HostName(written.host_name)
    if not written.config_id:
        raise written.error("config_id must be true", "config_id")
    return ConfigId()
