"""Reads edits in data form: how they stand in scenario.yaml and sabotage.yaml."""

from dataclasses import dataclass
from typing import Any

from takeover.base.errors import BadInputError
from takeover.scenario.edit_tree import check_edit
from takeover.scenario.edits import MISSING, OPS, ClusterIp, Edit, HostName, Mark
from takeover.scenario.fields import Fields


@dataclass(frozen=True, eq=False)
class LocatedEdit:
    """An edit and the "FILE:LINE" where it is written."""

    edit: Edit
    where: str


def read_edit(entry: Fields) -> LocatedEdit:
    """The edit that a mapping states: `in` which document, one operation with its path, `with`, `key`, `was`.

    Raises: BadInputError "FILE:LINE: …".
    """
    entry.only("in", *OPS, "with", "key", "was")
    ops = [op for op in OPS if op in entry.data]
    if len(ops) != 1:
        raise entry.error(f"an edit has one of {', '.join(OPS)}, not {' and '.join(ops) or 'none'}")
    op = ops[0]
    if ("with" in entry.data) is (op == "remove"):
        raise entry.error("remove takes no `with`" if op == "remove" else f"{op} needs `with`")
    edit = Edit(
        document=entry.take("in", str),
        op=op,
        path=entry.take(op, str),
        value=_value(entry),
        key=entry.take("key", str) if "key" in entry.data else None,
        was=entry.data.get("was", MISSING),
    )
    where = entry.document.where(*entry.at)
    try:
        check_edit(edit)
    except BadInputError as error:
        raise BadInputError(f"{where}: {error}") from error
    return LocatedEdit(edit, where)


def _value(entry: Fields) -> Any:
    """`with`, in which {cluster_ip: SERVICE}, {host_name: SERVICE} and {mark: true} stand for what only a run knows."""
    value = entry.data.get("with")
    if not isinstance(value, dict) or len(value) != 1:
        return value
    run_value = Fields(entry.document, (*entry.at, "with"))
    match next(iter(value)):
        case "cluster_ip":
            return ClusterIp(run_value.take("cluster_ip", str))
        case "host_name":
            return HostName(run_value.take("host_name", str))
        case "mark":
            if value["mark"] is not True:
                raise run_value.error("mark must be true", "mark")
            return Mark()
        case _:
            return value
