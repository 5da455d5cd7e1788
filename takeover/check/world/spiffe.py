"""Whom a validator of SPIFFE trusts: the names of its trust domains, and maps of their bundles."""

import base64
import json

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from takeover.check.messages import uri_of
from takeover.check.world import certificates
from takeover.check.world.configuration import Configuration, content_of, inner, listed, objects
from takeover.check.world.data_sources import text_given
from takeover.model.json import JsonObject
from takeover.scenario.typed_yaml import Json

SCHEME = "spiffe://"
_NAMES = "trust_domains"
_ANY = "mesh.test"


def trusted_domains(configuration: Configuration, context: JsonObject) -> list[str]:
    """The trust domains of a validation context whose validator is that of SPIFFE, in its order; nothing of others."""
    validator = content_of(inner(context, "custom_validator_config", "typed_config"))
    if bundles := inner(validator, "trust_bundles"):  # Envoy looks at nothing else then
        return _domains(configuration, _read(text_given(configuration, bundles)))
    return [str(each.get("name")) for each in listed(validator, _NAMES) if isinstance(each, dict)]


def _named_domains(configuration: Configuration) -> list[str]:
    """Those of all identities that the configuration has; one at least."""
    found: dict[str, None] = {}
    for _, document in configuration.documents():
        for _, each in objects(document):
            for value in each.values():
                for text in value if isinstance(value, list) else (value,):
                    if isinstance(text, str) and text.startswith(SCHEME):
                        found[uri_of(text).netloc] = None
    return [each for each in found if each] or [_ANY]


def bundles_with_ours(configuration: Configuration, written: str) -> str:
    """A map of bundles in whose domains this run's authority is trusted, too.

    Args:
        configuration: whose identities tell the domains where the map has none.
        written: as it was given; empty, or no JSON, for one that nobody gave.
    """
    found = _read(written)
    kept = {name: each for name, each in inner(found, _NAMES).items() if isinstance(each, dict)}
    der = x509.load_pem_x509_certificate(certificates.authority().chain.encode()).public_bytes(Encoding.DER)
    key: Json = {"kty": "EC", "crv": "P-256", "use": "x509-svid", "x5c": [base64.b64encode(der).decode()]}
    bundles = {
        name: {**kept.get(name, {}), "keys": [*listed(kept.get(name, {}), "keys"), key]}
        for name in _domains(configuration, found)
    }
    return json.dumps({**found, _NAMES: {**kept, **bundles}})


def _domains(configuration: Configuration, bundles: JsonObject) -> list[str]:
    """Those of a map of bundles; of one without any those that the configuration's identities are of."""
    return list(inner(bundles, _NAMES)) or _named_domains(configuration)


def _read(written: str) -> JsonObject:
    try:
        found = json.loads(written)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
