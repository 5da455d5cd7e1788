"""Of which kind keys have to be: where all ciphers are those of RSA, no handshake comes about with another key."""

from takeover.check.world import certificates
from takeover.check.world.configuration import LISTENER, Configuration, content_of, inner, listed, objects
from takeover.model.json import JsonObject
from takeover.scenario.envoy_config import either


def wants_rsa(context: JsonObject) -> bool:
    """Whether a TLS context, downstream or upstream, has ciphers for keys of RSA alone."""
    suites = [each for each in listed(inner(context, "common_tls_context", "tls_params"), "cipher_suites") if each]
    return bool(suites) and not any("ECDSA" in str(each) for each in suites)


def is_of_rsa(configuration: Configuration, chain: str) -> bool:
    """Whether the key of a server is to be of RSA: as that of the chain that it had, or as a listener wants it."""
    known = certificates.is_of_rsa(chain)
    return _listeners_want_rsa(configuration) if known is None else known


def _listeners_want_rsa(configuration: Configuration) -> bool:
    return any(
        wants_rsa(content_of(found))
        for listener, _ in configuration.of_type(LISTENER)
        for _, found in objects(listener)
        if isinstance(either(found, "common_tls_context"), dict)
    )
