"""Formats in a world: a word stands in the place of each operator that tells something of chance."""

import re

from takeover.check.world.configuration import Configuration, objects
from takeover.scenario.typed_yaml import Json

_OF_CHANCE = re.compile(
    r"%(\w*DURATION\w*|START_TIME\w*|EMIT_TIME\w*|(?:UPSTREAM_)?CONNECTION_ID|STREAM_ID|UNIQUE_ID|TRACE_ID|PID"
    r"|RESP\((?i:x-envoy-upstream-service-time)\))(?:\([^)]*\))?(?::\d+)?%"
)


def without_chance(form: Json) -> Json:
    """A format, or an object of formats, without operators of times, and of numbers that count connections."""
    if isinstance(form, str):
        return _OF_CHANCE.sub(lambda found: f"<{found[1].partition('(')[0].lower()}>", form)
    if isinstance(form, dict):
        return {key: without_chance(value) for key, value in form.items()}
    return [without_chance(each) for each in form] if isinstance(form, list) else form


def tell_no_times(configuration: Configuration) -> None:
    """Leaves them out of all formats: those of headers, which upstreams and clients see, and of Envoy's own answers."""
    for _, document in configuration.documents():
        for _, found in objects(document):
            for key, value in found.items():
                if not isinstance(value, str) or (without := without_chance(value)) == value:
                    continue
                found[key] = without
                header = found.get("key")
                where = f"the header {header}" if key == "value" and isinstance(header, str) else f"`{key}`"
                operators = ", ".join(dict.fromkeys(each[0] for each in _OF_CHANCE.finditer(value)))
                configuration.differs(f"{where} has words for {operators}", "what they tell is another each time")
