"""Whom filters let in: what a dump redacts is made anew, and users and API keys of this run are taken besides.

Of basic auth a configuration has hashes alone, of which nobody knows the passwords; an API key may not be sent by
probes, which are stored.
"""

import base64
import hashlib

from takeover.check.given.redacted import is_redacted, redacted_paths
from takeover.check.own_credentials import (
    API_KEY,
    BASIC,
    BASIC_OF_ROUTE,
    CLIENT,
    KEYS,
    KEYS_OF_ROUTE,
    PASSWORD,
    USER,
)
from takeover.check.records import Place
from takeover.check.world.configuration import (
    Configuration,
    content_of,
    drop,
    kind_of,
    listed,
    objects,
    set_field,
)
from takeover.check.world.data_sources import text_given
from takeover.model.json import JsonObject
from takeover.scenario.envoy_config import either
from takeover.scenario.typed_yaml import Json

_BYTES, _ELSEWHERE = ("inline_bytes", "inlineBytes"), ("filename", "environment_variable", "environmentVariable")
_LONGEST_KEY = 80
"""Bytes of a key of TLS session tickets, which must have so many; of other secrets it is no matter."""


def credentials(configuration: Configuration) -> None:
    """Makes it so in all of the configuration."""
    for name, document in configuration.documents():
        for path, found in list(objects(document)):
            place = configuration.place_in(name, path)
            content = content_of(found)
            kind = kind_of(found)
            if kind in (BASIC, BASIC_OF_ROUTE):
                _one_more_user(configuration, content, place)
            elif kind in (KEYS, KEYS_OF_ROUTE):
                _one_more_key(configuration, content, place)
        _anew(document)


def _one_more_user(configuration: Configuration, content: JsonObject, place: Place) -> None:
    users = either(content, "users")
    if not isinstance(users, dict):
        return
    theirs = text_given(configuration, users)
    hashed = base64.b64encode(hashlib.sha1(PASSWORD.encode(), usedforsecurity=False).digest()).decode()
    users.clear()
    users["inline_string"] = "\n".join(
        (*(() if is_redacted(theirs) else theirs.splitlines()), f"{USER}:{{SHA}}{hashed}", "")
    )
    configuration.differs(f"basic auth takes a user {USER}, too", "nobody has the passwords of the others", place)


def _one_more_key(configuration: Configuration, content: JsonObject, place: Place) -> None:
    if allowed := listed(content, "allowed_clients"):
        set_field(content, "allowed_clients", [*allowed, CLIENT])
    if not (theirs := listed(content, "credentials")):
        return  # a route's, that has those of its filter
    set_field(content, "credentials", [*theirs, {"key": API_KEY, "client": CLIENT}])
    configuration.differs(f"an API key of a client {CLIENT} is taken, too", "the others are secrets", place)


def _anew(document: Json) -> None:
    """Gives each redacted value another one, no two alike: of some kinds Envoy takes none twice."""
    for number, (*path, key) in enumerate(list(redacted_paths(document)), 1):
        holder = document
        for each in path:
            holder = holder[each]
        text = f"made-anew-{number}".ljust(_LONGEST_KEY, "-") if "keys" in path else f"made-anew-{number}"
        if key in _ELSEWHERE:
            drop(holder, *_ELSEWHERE)
            holder["inline_string"] = text
        else:
            holder[key] = base64.b64encode(text.encode()).decode() if key in _BYTES else text
