"""What OAuth2 sends a client away with to sign in: numbers of chance, which would hide all that is beside them."""

import base64
import json
import re

from takeover.model.json import encode

FOUND = re.compile(
    r"(?<=[?&]state=)(?P<state>eyJ[\w-]+)|(?<=[?&]code_challenge=)[\w-]{43}(?![\w-])"
    r"|(?<![\w-])(?P<cookie>[\w-]{1,64})(?P<flow>\.[0-9a-f]{16})?=(?:[0-9a-f]{16}\.[A-Za-z0-9+/]{43}=|[\w-]{86})(?=;path=)"
)
"""A state, a challenge, a cookie that is set."""
_OF_CHANCE = ("csrf_token", "flow_id", "nonce")


def without_chance(found: re.Match[str]) -> str:
    """What of it is the same each time."""
    if found["cookie"]:
        return f"{found['cookie']}{'.<id>' if found['flow'] else ''}=<nonce>"
    if not (written := found["state"]):
        return "<challenge>"
    try:
        state = json.loads(base64.urlsafe_b64decode(written + "=" * (-len(written) % 4)))
    except ValueError:
        return written
    if not isinstance(state, dict):
        return written
    kept = {name: "<nonce>" if name in _OF_CHANCE else value for name, value in state.items()}
    return encode(kept, order="sorted").decode()
