"""The forms in which destinations write down who asked them: how a line of each becomes an Arrival."""

import datetime
import re
from collections.abc import Callable, Mapping
from typing import TypeAlias

import msgspec

from takeover.base.errors import BadInputError
from takeover.model.logs import Arrival
from takeover.scenario.loader import Scenario
from takeover.scenario.typed_yaml import Json

Fields: TypeAlias = Mapping[str, str]
"""Our name of a field → the log's own, for those that differ."""

LogFormat: TypeAlias = Callable[[str, Fields], Arrival | None]
"""Makes an Arrival of a line, None of one that is no entry of the log. Raises: ValueError for an entry it cannot."""

JSON = "json"
_FORMATS: dict[str, LogFormat] = {}
_COMBINED = re.compile(
    r'(?P<client>\S+) \S+ .*? \[(?P<time>[^\]]+)\] "(?P<request>(?:[^"\\]|\\.)*)" (?P<status>\d{3}) (?P<bytes>\d+|-)'
    r'(?: "(?:[^"\\]|\\.)*" "(?:[^"\\]|\\.)*")?'
)


def register(name: str, form: LogFormat) -> None:
    """Makes a form of logs known by that name, for `log:` of a destination. Raises: BadInputError if there is one."""
    if name in _FORMATS:
        raise BadInputError(f"there is a form of logs {name!r} already")
    _FORMATS[name] = form


def format_of(name: str) -> LogFormat:
    """The form of that name. Raises: BadInputError that lists them."""
    if name not in _FORMATS:
        raise BadInputError(f"no form of logs {name!r}; there are {', '.join(_FORMATS)}")
    return _FORMATS[name]


def check_formats(scenario: Scenario) -> None:
    """Refuses a destination whose log nobody could read. Raises: BadInputError "FILE:LINE: …"."""
    for place in scenario.destinations:
        try:
            format_of(place.log)
        except BadInputError as error:
            raise BadInputError(f"{place.where}: {error}") from None
        if unknown := [name for name, _ in place.fields if name not in Arrival.__struct_fields__]:
            there = ", ".join(Arrival.__struct_fields__)
            raise BadInputError(f"{place.where}: fields: no field {unknown[0]}; there are {there}")
        if place.fields and place.log == "combined":
            raise BadInputError(f"{place.where}: the form combined has no names of fields: leave out fields")


def _json(line: str, fields: Fields) -> Arrival | None:
    if not (line.startswith("{") and line.endswith("}")):
        return None
    if not fields:
        return msgspec.json.decode(line, type=Arrival)
    entry = msgspec.json.decode(line, type=dict[str, Json])
    named = entry | {name: entry.get(own) for name, own in fields.items()}
    known = {name: named[name] for name in Arrival.__struct_fields__ if named.get(name) is not None}
    return msgspec.convert(known, Arrival, strict=False)  # what a log has as text may be a number to us


def _combined(line: str, _: Fields) -> Arrival | None:
    """The form of nginx and Apache: it tells neither the client's port nor where and as whom the request arrived."""
    found = _COMBINED.fullmatch(line)
    if found is None:
        return None
    method, uri, protocol = (*found["request"].split(" "), "", "", "")[:3]
    return Arrival(
        time=datetime.datetime.strptime(found["time"], "%d/%b/%Y:%H:%M:%S %z").timestamp(),
        client=f"{found['client']}:",
        server="",
        method=method,
        uri=uri,
        host="",
        status=int(found["status"]),
        protocol=protocol,
        bytes=0 if found["bytes"] == "-" else int(found["bytes"]),
    )


register(JSON, _json)
register("combined", _combined)
