"""What a cluster expects of the certificate at its other end."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from takeover.check.world import certificates, spiffe
from takeover.check.world.configuration import (
    CLUSTER,
    SECRET,
    Configuration,
    content_of,
    inner,
    kind_of,
    listed,
    objects,
)
from takeover.check.world.data_sources import text_of
from takeover.check.world.key_kinds import wants_rsa
from takeover.model.json import JsonObject
from takeover.scenario.envoy_config import either
from takeover.scenario.typed_yaml import Json

_ALPN = ("h2", "http/1.1")
_VALIDATING = ("validation_context", "default_validation_context")
_MATCHING = ("match_typed_subject_alt_names", "match_subject_alt_names", "verify_subject_alt_name")
_KINDS = {"DNS": "DNS", "URI": "URI", "EMAIL": "email"}
"""What is told apart in certificates, by `san_type`."""


@dataclass(frozen=True)
class Tls:
    """A server's side of TLS.

    Args:
        names: those that its certificate must be for: of hosts, addresses, URIs.
        alpn: what it offers.
        of_rsa: whether its key must be.
    """

    names: tuple[str, ...] = ()
    alpn: tuple[str, ...] = _ALPN
    of_rsa: bool = False


def expected(configuration: Configuration, cluster: JsonObject) -> Tls | None:
    """What all TLS contexts of a cluster expect together; None where it has none."""
    sockets = [either(cluster, "transport_socket"), *listed(cluster, "transport_socket_matches")]
    contexts = [
        content_of(found)
        for each in sockets
        for _, found in objects(each)
        if kind_of(found).endswith((".UpstreamTlsContext", ".QuicUpstreamTransport"))
    ]
    contexts += [each for each in (inner(cluster, "tls_context"),) if each]  # of v2
    if not contexts:
        return None
    names, alpn = list[str](), list[str](_ALPN)
    for each in contexts:
        common = inner(each, "common_tls_context")
        names += [name for name in (each.get("sni"),) if isinstance(name, str) and name]
        names += _names(configuration, common)
        alpn += [protocol for protocol in listed(common, "alpn_protocols") if isinstance(protocol, str)]
    return Tls(tuple(dict.fromkeys(names)), tuple(dict.fromkeys(alpn)), any(map(wants_rsa, contexts)))


def validations(configuration: Configuration, common: JsonObject) -> Iterator[JsonObject]:
    """The validation contexts of a `CommonTlsContext`: those in it, and those of the secrets that it names."""
    for _, found in objects(common):
        for field in _VALIDATING:
            if isinstance(context := either(found, field), dict):
                yield context
        if isinstance(named := either(found, "validation_context_sds_secret_config"), dict):
            for secret, _ in configuration.of_type(SECRET):
                if secret.get("name") == named.get("name") and (context := inner(secret, "validation_context")):
                    yield context


def presented(configuration: Configuration, files: Mapping[str, bytes]) -> Iterator[str]:
    """The certificates that clusters' connections present, as PEM: a chain each, whose first one is Envoy's own.

    Args:
        files: what stands in Envoy's container, by path.
    """
    for cluster, _ in configuration.of_type(CLUSTER):
        for _, found in objects(cluster):
            for each in _identities(configuration, inner(found, "common_tls_context")):
                source = inner(each, "certificate_chain")
                yield text_of(source) or files.get(str(source.get("filename")), b"").decode("utf-8", "replace")


def _identities(configuration: Configuration, common: JsonObject) -> Iterator[JsonObject]:
    """Each `TlsCertificate` of a `CommonTlsContext`, and those of the secrets that it names."""
    yield from (each for each in listed(common, "tls_certificates") if isinstance(each, dict))
    named = {
        each.get("name") for each in listed(common, "tls_certificate_sds_secret_configs") if isinstance(each, dict)
    }
    for secret, _ in configuration.of_type(SECRET):
        if secret.get("name") in named and (found := inner(secret, "tls_certificate")):
            yield found


def _names(configuration: Configuration, common: JsonObject) -> Iterator[str]:
    for context in validations(configuration, common):
        yield from expected_names(configuration, context)


def expected_names(configuration: Configuration, context: JsonObject) -> list[str]:
    """Names that a validation context takes: one for each of its matchers, and one of a domain that it trusts.

    Where domains are trusted there is one identity, as SPIFFE wants it: Envoy asks a certificate's first URI for its
    domain.
    """
    found = list[str]()
    for field in _MATCHING:
        for each in listed(context, field):
            matcher = either(each, "matcher") or each if isinstance(each, dict) else each
            if name := matching(matcher):
                kind = either(each, "san_type") if isinstance(each, dict) else None
                found.append(certificates.typed(name, _KINDS.get(str(kind), "")))
    domains = tuple(f"{spiffe.SCHEME}{each}/" for each in spiffe.trusted_domains(configuration, context))
    if not domains:
        return found
    identity = next((each for each in found if each.startswith(domains)), f"{domains[0]}ns/default/sa/any")
    return [identity, *(each for each in found if not each.startswith(spiffe.SCHEME))]


def matching(matcher: Json) -> str:
    """A text that a `StringMatcher` takes; empty where none comes to mind."""
    if isinstance(matcher, str):
        return matcher
    if not isinstance(matcher, dict):
        return ""
    for field, form in (("exact", "{}"), ("prefix", "{}a"), ("suffix", "a{}"), ("contains", "{}")):
        if isinstance(text := matcher.get(field), str):
            return form.format(text)
    expression = either(inner(matcher, "safe_regex"), "regex")
    return _matching_expression(expression) if isinstance(expression, str) else ""


def _matching_expression(expression: str) -> str:
    """Of the usual forms of names: dots that are escaped, and anything in the place of a part."""
    text = expression.removeprefix("^").removesuffix("$")
    text = re.sub(r"\((?:\?:)?([^()|]*)(?:\|[^()]*)?\)\??", r"\1", text)
    text = re.sub(r"\[[^\]]*\][+*]?|\\w[+*]?|\.[+*]", "a", text).replace("\\", "")
    try:
        return text if re.fullmatch(expression, text) else ""
    except re.error:
        return ""
