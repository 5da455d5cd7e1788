"""The keys by which tokens of a world are signed: those of the services, whose private ones are published.

They are `manifests/bases/services`: test keys, and `tokens.txt`, which has tokens of every kind.
"""

import functools
from typing import Any

import msgspec

from takeover.scenario.bundled import manifests

_FOLDER = "bases/services"


@functools.cache
def public() -> dict[str, Any]:
    """The set of keys, as JSON Web Keys."""
    content = (manifests() / _FOLDER / "jwks.json").read_bytes()
    found: dict[str, Any] = msgspec.json.decode(content)
    return found
