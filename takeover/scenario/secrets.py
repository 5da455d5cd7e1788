"""What Secrets hold, as manifests write it: `data` in base64, `stringData` as it is (Kubernetes, "Secret v1")."""

import contextlib
from base64 import b64decode

from takeover.scenario.typed_yaml import Json


def contents(secret: dict[str, Json]) -> dict[str, bytes]:
    """What containers see, by its keys; `stringData` comes before `data`. What is no base64 is left out."""
    found = {}
    for key, value in _entries(secret, "data"):
        with contextlib.suppress(ValueError):
            found[key] = b64decode(value)
    return found | {key: value.encode() for key, value in _entries(secret, "stringData")}


def texts(secret: dict[str, Json]) -> list[str]:
    """Its values as they are written, and as containers see them, where they are text."""
    found = [value for name in ("data", "stringData") for _, value in _entries(secret, name)]
    for value in contents(secret).values():
        with contextlib.suppress(UnicodeDecodeError):
            found.append(value.decode())
    return list(dict.fromkeys(found))


def _entries(secret: dict[str, Json], name: str) -> list[tuple[str, str]]:
    written = secret.get(name)
    return [(str(key), str(value)) for key, value in written.items()] if isinstance(written, dict) else []
