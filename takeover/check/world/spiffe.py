"""Whom a validator of SPIFFE trusts: the names of its trust domains, and maps of their bundles."""

import base64
import json
import urllib.parse
from collections.abc import Iterable

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

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
        return domains_of(text_given(configuration, bundles)) or named_domains(configuration)
    return [str(each.get("name")) for each in listed(validator, _NAMES) if isinstance(each, dict)]


def named_domains(configuration: Configuration) -> list[str]:
    """Those of all identities that the configuration has; one at least."""
    found: dict[str, None] = {}
    for _, document in configuration.documents():
        for _, each in objects(document):
            for value in each.values():
                for text in value if isinstance(value, list) else (value,):
                    if isinstance(text, str) and text.startswith(SCHEME):
                        found[urllib.parse.urlsplit(text).netloc] = None
    return [each for each in found if each] or [_ANY]


def bundles_with_ours(written: str, domains: Iterable[str]) -> str:
    """A map of bundles in whose domains this run's authority is trusted, too.

    Args:
        written: as it was given; empty, or no JSON, for one that nobody gave.
        domains: those that it has then.
    """
    found = _read(written)
    kept = {name: each for name, each in inner(found, _NAMES).items() if isinstance(each, dict)}
    der = x509.load_pem_x509_certificate(certificates.authority().chain.encode()).public_bytes(Encoding.DER)
    key: Json = {"kty": "EC", "crv": "P-256", "use": "x509-svid", "x5c": [base64.b64encode(der).decode()]}
    bundles = {name: {**kept.get(name, {}), "keys": [*listed(kept.get(name, {}), "keys"), key]} for name in domains}
    return json.dumps({**found, _NAMES: {**kept, **bundles}})


def domains_of(written: str) -> list[str]:
    """Those of a map of bundles."""
    return list(inner(_read(written), _NAMES))


def _read(written: str) -> JsonObject:
    try:
        found = json.loads(written)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
