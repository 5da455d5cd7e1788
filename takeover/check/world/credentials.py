"""Whom filters let in: what a dump redacts is made anew, and users and API keys of this run are taken besides.

Of basic auth a configuration has hashes alone, of which nobody knows the passwords; an API key may not be sent by
probes, which are stored; of keys by which tokens are signed a configuration has the public halves.
"""

import base64
import hashlib
from typing import Final

import msgspec

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
from takeover.check.world import keys
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
_KEY_SETS: Final = ("local_jwks", "inline_jwks")
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
            for field in _KEY_SETS:
                _our_keys_too(configuration, either(found, field), place)
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


def _our_keys_too(configuration: Configuration, source: Json, place: Place) -> None:
    """Has a filter that looks for keys of tokens in its own configuration, or in a file that was given, take ours."""
    try:
        theirs = msgspec.json.decode(text_given(configuration, source)) if isinstance(source, dict) else None
    except msgspec.DecodeError:  # nobody gave the file, which is made of our keys then; or Envoy says what is wrong
        return
    if isinstance(theirs, dict) and isinstance(listed_keys := theirs.get("keys"), list):
        more = {**theirs, "keys": [*listed_keys, *keys.public()["keys"]]}
        source.clear()
        source["inline_string"] = msgspec.json.encode(more).decode()
        what = "tokens of this run are taken beside those that keys in the configuration have signed"
        configuration.differs(what, "nobody has their private keys", place)


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
