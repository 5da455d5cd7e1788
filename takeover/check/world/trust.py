"""Whom a configuration trusts, and who it says to be: authorities, certificates and keys that nobody here has.

Ours is added to each authority that validates; what pins another certificate is taken away. A certificate without its
key (a dump redacts keys) is made anew, for the same names.
"""

import base64

from takeover.check.records import Place
from takeover.check.world import certificates, spiffe
from takeover.check.world.configuration import (
    LISTENER,
    SECRET,
    Configuration,
    drop,
    inner,
    listed,
    objects,
)
from takeover.check.world.data_sources import text_of
from takeover.check.world.key_kinds import is_of_rsa
from takeover.check.world.principals import principals
from takeover.check.world.upstream_tls import expected_names, validations
from takeover.model.json import JsonObject
from takeover.scenario.envoy_config import either
from takeover.scenario.typed_yaml import Json

_PINS = ("verify_certificate_spki", "verify_certificate_hash")
_BEGIN = "-----BEGIN"
_KEY = "PRIVATE KEY-----"
_ANYBODY = ("spiffe://client.test/ns/default/sa/client", "client.test")
CLIENT = "a client"
"""The subject of its certificate."""


def trust(configuration: Configuration) -> None:
    """Makes it so in all of the configuration."""
    for name, document in configuration.documents():
        for path, found in list(objects(document)):
            place = configuration.place_in(name, path)
            _authority(configuration, found, place)
            _pair(configuration, found, place)
    _missing_secrets(configuration)


def served_names(configuration: Configuration) -> tuple[str, ...]:
    """The names for which listeners have certificates: those that their chains ask for, and a few that never hurt."""
    found: list[str] = []
    for listener, _ in configuration.of_type(LISTENER):
        for _, each in objects(listener):
            match = inner(each, "filter_chain_match")
            found += [name for name in listed(match, "server_names") if isinstance(name, str)]
    return tuple(dict.fromkeys((*found, "localhost", "*.test")))


def client_names(configuration: Configuration) -> tuple[str, ...]:
    """Those of the certificate of our clients, which listeners accept; nothing where none asks for one."""
    contexts = [
        context
        for listener, _ in configuration.of_type(LISTENER)
        for _, found in objects(listener)
        if isinstance(common := either(found, "common_tls_context"), dict)
        for context in validations(configuration, common)
    ]
    if not contexts:
        return ()
    expected = [name for each in contexts for name in expected_names(configuration, each)]
    return tuple(dict.fromkeys((*(expected or _ANYBODY), *principals(configuration))))


def of_clients(names: tuple[str, ...]) -> certificates.Certificate | None:
    """A client's certificate with those names; None without any."""
    return certificates.certificate(CLIENT, names) if names else None


def _authority(configuration: Configuration, found: JsonObject, place: Place) -> None:
    bundles = either(found, "trust_bundles")
    if isinstance(bundles, dict) and (written := text_of(bundles)) is not None:
        ours = spiffe.bundles_with_ours(configuration, written)
        bundles.clear()
        bundles["inline_string"] = ours
        configuration.differs(
            "an authority of this run is trusted in each trust domain", "nobody has their keys", place
        )
    for field in ("trusted_ca", "trust_bundle"):
        source = either(found, field)
        if not isinstance(source, dict):
            continue
        written = text_of(source)
        if drop(found, *_PINS):
            what = "pins of certificates are away from a validation context"
            configuration.differs(what, "nobody has the keys of those that they name", place)
        if drop(found, "crl"):
            configuration.differs("a list of revoked certificates is away", "it says nothing of our authority", place)
        if written is None:
            continue  # a file, or a variable: `files` makes it
        source.clear()
        theirs = f"{written.rstrip()}\n" if _BEGIN in written else ""
        source["inline_string"] = theirs + certificates.authority().chain
        what = "an authority of this run is trusted beside one that is written in the configuration"
        configuration.differs(what, "nobody has its key", place)
    if "trusted_ca" not in found and "trustedCa" not in found and ("crl" in found or set(_PINS) & found.keys()):
        drop(found, "crl", *_PINS)
        what = "pins of certificates are away from a validation context"
        configuration.differs(what, "nobody has the keys of those that they name", place)


def _pair(configuration: Configuration, found: JsonObject, place: Place) -> None:
    """A `TlsCertificate` whose key is not there."""
    chain = either(found, "certificate_chain")
    if not isinstance(chain, dict):
        if configuration.given.kind == "config dump" and drop(found, "pkcs12"):  # of which nothing is told
            _put(found, _made_anew(configuration, ""))
            configuration.differs("a certificate and its key are made anew", "a dump redacts PKCS #12", place)
        return
    key = either(found, "private_key")
    written = text_of(chain)
    if drop(found, "private_key_provider", "pkcs12"):
        configuration.differs("a provider of private keys is away", "its hardware or program is not here", place)
        key = None
    if written is None:  # a file
        if not isinstance(key, dict) or _is_redacted(key):
            # Both in one file, as it may be: the key is looked for where the certificate is.
            _put(found, _made_anew(configuration, ""))
            configuration.differs("a certificate is made anew", "its key is not given", place)
        return
    if _BEGIN in written and isinstance(key, dict) and not _is_redacted(key):
        return
    _put(found, _made_anew(configuration, written))
    configuration.differs("a certificate and its key are made anew", "what was given has no key", place)


def _made_anew(configuration: Configuration, chain: str) -> certificates.Certificate:
    """Args: chain: what it was before, if that is known."""
    of_rsa = is_of_rsa(configuration, chain)
    return certificates.certificate("a redacted key", served_names(configuration), of_rsa=of_rsa)


def _is_redacted(source: JsonObject) -> bool:
    written = text_of(source)
    return written is not None and _KEY not in written


def _put(found: JsonObject, made: certificates.Certificate) -> None:
    drop(found, "certificate_chain", "private_key", "password", "ocsp_staple", "signed_certificate_timestamp")
    found["certificate_chain"] = {"inline_string": made.chain}
    found["private_key"] = {"inline_string": made.key}


def _missing_secrets(configuration: Configuration) -> None:
    """Makes the secrets that something names and that were not given."""
    known = {str(each.get("name")) for each, _ in configuration.of_type(SECRET)}
    made: dict[str, JsonObject] = {}
    for _, document in configuration.documents():
        for path, found in list(objects(document)):
            name = found.get("name")
            field = next((each for each in reversed(path) if isinstance(each, str)), "")
            if field in _NAMING_SECRETS and isinstance(name, str) and name not in known:
                made[name] = {"name": name, **_secret(field, name, configuration)}
                drop(found, "sds_config")
    for name, data in made.items():
        configuration.add_static("secrets", data)
        configuration.differs(f"the secret {name} is made", "nobody gave it")


_NAMING_SECRETS = (
    "tls_certificate_sds_secret_configs",
    "validation_context_sds_secret_config",
    "tlsCertificateSdsSecretConfigs",
    "validationContextSdsSecretConfig",
    "session_ticket_keys_sds_secret_config",
    "token_secret",
    "hmac_secret",
    "tokenSecret",
    "hmacSecret",
    "credential",
)


def _secret(field: str, name: str, configuration: Configuration) -> JsonObject:
    if "alidation" in field:
        return {"validation_context": {"trusted_ca": {"inline_string": certificates.authority().chain}}}
    if "ertificate" in field:
        # A name of SPIFFE is who this Envoy is.
        names = served_names(configuration)
        own = (name, *names) if "://" in name else names
        pair = certificates.certificate(name, own, of_rsa=is_of_rsa(configuration, ""))
        made: Json = {"certificate_chain": {"inline_string": pair.chain}, "private_key": {"inline_string": pair.key}}
        return {"tls_certificate": made}
    if "ticket" in field:
        keys = {"inline_bytes": base64.b64encode(bytes(80)).decode()}
        return {"session_ticket_keys": {"keys": [keys]}}
    return {"generic_secret": {"secret": {"inline_string": "a secret of tests"}}}
