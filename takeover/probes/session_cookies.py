"""Cookies by which Envoy keeps a client at its host: those of a bounded life hold the time of their end.

Source: https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/http/stateful_session/cookie/v3/cookie.proto
"""

import base64
import re
from typing import Final

FOUND: Final = re.compile(r"(?<==\")(Cg[A-Za-z0-9+/]{6,200}={0,2})(?=\")")
"""Such a value: base64 of a message whose first field is a text."""
_MESSAGE = re.compile(rb"\n([\x01-\x7f])([^\n]+?)\x10[\x80-\xff]{1,9}[\x00-\x7f]", re.DOTALL)
"""An address, and a varint."""


def without_time(found: re.Match[str]) -> str:
    """Whom it keeps the client at; what is no such message stays."""
    written = found[1]
    try:
        message = _MESSAGE.fullmatch(base64.b64decode(written, validate=True))
    except ValueError:
        return written
    if message is None or message[1][0] != len(message[2]) or not message[2].isascii():
        return written
    return f"<{message[2].decode()} until a time>"
