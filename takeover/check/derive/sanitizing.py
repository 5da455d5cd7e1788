"""Headers that Envoy sets, completes or takes away before routes see a request: what these may find there.

Source: https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/headers and header_sanitizing
beside it.
"""

from collections.abc import Iterator
from typing import Final, TypeAlias

import msgspec

from takeover.check.messages import config_of, inner, message_of, objects
from takeover.model.json import JsonObject

PROTO: Final = "x-forwarded-proto"
REQUEST_ID: Final = "x-request-id"
"""Of which Envoy makes another one for each request."""
SCHEMES: Final = ("https", "http")
_DETECTION = "envoy.extensions.http.original_ip_detection."
_INTERNAL, _FOR, _CERTIFICATE = "x-envoy-internal", "x-forwarded-for", "x-forwarded-client-cert"
# What only requests from inside may say.
_OF_INTERNAL = frozenset({
    "x-envoy-retry-on", "x-envoy-retry-grpc-on", "x-envoy-max-retries", "x-envoy-upstream-alt-stat-name",
    "x-envoy-upstream-rq-timeout-ms", "x-envoy-upstream-rq-per-try-timeout-ms",
    "x-envoy-upstream-rq-timeout-alt-response", "x-envoy-expected-rq-timeout-ms", "x-envoy-force-trace",
    "x-envoy-ip-tags", "x-envoy-original-url", "x-envoy-hedge-on-per-try-timeout",
})  # fmt: skip
# Of what nobody can tell beforehand one of each kind: a matcher that takes all of them, or none, is certain.
_IDS = tuple(f"{each * 8}-{each * 4}-4{each * 3}-8{each * 3}-{each * 12}" for each in "0123456789abcdef")
_PEERS = ("127.0.0.1", "10.0.0.1", "172.16.0.1", "192.0.2.2", "2001:db8::1")
_CERTIFICATES = tuple(f"Hash={each * 64}" for each in "0f")

Values: TypeAlias = tuple[str | None, ...]
"""What a header may say there, at least one; None: it is not there."""


class ToldBy(msgspec.Struct, frozen=True, kw_only=True):
    """What says where a request comes from.

    Args:
        hops: of the addresses of `x-forwarded-for` the last but so many.
        header: another header, which has nothing else; empty: it is that one.
        is_unknown: whether it is neither.
        is_demanded: whether a request without that header is refused.
    """

    hops: int = 0
    header: str = ""
    is_unknown: bool = False
    is_demanded: bool = False


class Sanitizing(msgspec.Struct, frozen=True, kw_only=True):
    """What a connection manager does with such headers; without arguments what one does by default.

    Args:
        scheme: which all requests have; empty: their own.
        is_edge: whether it says itself where requests come from (`use_remote_address`).
        trusts_proto: whether `x-forwarded-proto` stays as it was sent.
        appends_peer: whether the client's address is appended to `x-forwarded-for`.
        asks_extensions: whether extensions say where requests come from.
        makes_id: whether a request without `x-request-id` gets one.
        keeps_id: whether one that was sent surely stays.
        certificate: what becomes of `x-forwarded-client-cert`, as `ForwardClientCertDetails` names it.
        told_by: what says where a request comes from, the first that does; else its connection.
    """

    scheme: str = ""
    is_edge: bool = False
    trusts_proto: bool = True
    appends_peer: bool = False
    asks_extensions: bool = False
    makes_id: bool = True
    keeps_id: bool = True
    certificate: str = "SANITIZE"
    told_by: tuple[ToldBy, ...] = (ToldBy(),)

    def of_proto(self, sent: str | None, *, is_secure: bool) -> str:
        """What `x-forwarded-proto` says. Args: sent: what the client says there; is_secure: whether over TLS."""
        own = "https" if is_secure else "http"
        return self.scheme or (sent if sent is not None and self.trusts_proto else own)

    def values(self, name: str, sent: str | None, *, forwarded_for: str | None, has_certificate: bool) -> Values:
        """What routes may find in another header.

        Args:
            name: in small letters.
            sent: what the client says there.
            forwarded_for: what it says of clients before it.
            has_certificate: whether it shows a certificate.
        """
        may_be_internal = self.is_edge or self.asks_extensions or forwarded_for is not None
        if name == _INTERNAL:
            return (None, "true") if may_be_internal else (None,)
        if name in _OF_INTERNAL:
            return (None, sent) if may_be_internal else (None,)
        if name == _FOR and self.appends_peer:
            return tuple(each if sent is None else f"{sent},{each}" for each in _PEERS)
        if name == REQUEST_ID and self.makes_id:
            return _IDS if sent is None else (sent,) if self.keeps_id else (sent, *_IDS)
        if name == _CERTIFICATE:
            return self._certificates(sent, has_certificate=has_certificate)
        return (sent,)

    def _certificates(self, sent: str | None, *, has_certificate: bool) -> Values:
        if self.certificate == "ALWAYS_FORWARD_ONLY" or (has_certificate and self.certificate == "FORWARD_ONLY"):
            return (sent,)
        if has_certificate and self.certificate in {"APPEND_FORWARD", "SANITIZE_SET"}:
            before = "" if sent is None or self.certificate == "SANITIZE_SET" else f"{sent},"
            return tuple(before + each for each in _CERTIFICATES)
        return (None,)

    def why(self, name: str) -> str:
        """Why a request cannot say there what it likes; empty where it can. Args: name: in small letters."""
        if name in {PROTO, ":scheme"} and (self.scheme or not self.trusts_proto):
            return "Envoy says itself how the client came"
        if name == _CERTIFICATE and self.certificate != "ALWAYS_FORWARD_ONLY":
            return "Envoy takes away what a client says there"
        if name == _INTERNAL or name in _OF_INTERNAL:
            return "Envoy says itself what comes from inside"
        if (name == REQUEST_ID and self.makes_id and not self.keeps_id) or (name == _FOR and self.appends_peer):
            return "Envoy says there what it knows itself"
        return ""


def sanitizing(manager: JsonObject) -> Sanitizing:
    """That of a connection manager."""
    is_edge = manager.get("use_remote_address") is True
    return Sanitizing(
        scheme=str(inner(manager, "scheme_header_transformation").get("scheme_to_overwrite", "")),
        is_edge=is_edge,
        trusts_proto=not is_edge or bool(manager.get("xff_num_trusted_hops")),
        appends_peer=is_edge and manager.get("skip_xff_append") is not True,
        asks_extensions=bool(manager.get("original_ip_detection_extensions")),
        makes_id=manager.get("generate_request_id") is not False,
        keeps_id=not is_edge or manager.get("preserve_external_request_id") is True,
        certificate=str(manager.get("forward_client_cert_details", "SANITIZE")),
        told_by=tuple(_told_by(manager, is_edge=is_edge)),
    )


def _told_by(manager: JsonObject, *, is_edge: bool) -> Iterator[ToldBy]:
    hops = int(manager.get("xff_num_trusted_hops", 0))
    if is_edge:
        # What the client's own proxy has not yet appended is the connection's.
        yield from [ToldBy(hops=hops - 1)] if hops else []
        return
    extensions = [config_of(each) for each in objects(manager.get("original_ip_detection_extensions"))]
    for each in extensions:
        match message_of(each).removeprefix(_DETECTION):
            case "custom_header.v3.CustomHeaderConfig":
                yield ToldBy(header=str(each.get("header_name", "")).lower(), is_demanded="reject_with_status" in each)
            case "xff.v3.XffConfig" if "xff_trusted_cidrs" not in each:
                yield ToldBy(hops=int(each.get("xff_num_trusted_hops", 0)))
            case _:
                yield ToldBy(is_unknown=True)
    if not extensions:
        yield ToldBy(hops=hops)
