"""What stands in a `DataSource`: a text, or a file that somebody gave."""

import base64

from takeover.check.world.configuration import Configuration
from takeover.model.json import JsonObject
from takeover.scenario.envoy_config import either


def text_of(source: JsonObject) -> str | None:
    """The text that stands in it; None where it is elsewhere."""
    if isinstance(text := either(source, "inline_string"), str):
        return text
    if isinstance(encoded := either(source, "inline_bytes"), str):
        try:
            return base64.b64decode(encoded, validate=False).decode("utf-8", "replace")
        except ValueError:
            return ""
    return None


def text_given(configuration: Configuration, source: JsonObject) -> str:
    """The same, or that of its file; empty where nobody gave that."""
    if (text := text_of(source)) is not None:
        return text
    file = configuration.given.files.get(str(source.get("filename")))
    return file.read_text("utf-8", "replace") if file is not None else ""
