"""Listeners whose routes ask for headers that Envoy sets, completes or takes away itself before they see them."""

from typing import Any

from tests.check.derive.by_hand import bootstrap, cluster, listener, manager

MANAGERS: dict[str, dict[str, Any]] = {
    "behind": {},
    "edge": {"use_remote_address": True},
    "second": {"use_remote_address": True, "xff_num_trusted_hops": 1, "skip_xff_append": True},
    "https": {"scheme_header_transformation": {"scheme_to_overwrite": "https"}},
    "forwards": {"forward_client_cert_details": "ALWAYS_FORWARD_ONLY", "generate_request_id": False},
}


def exact(name: str, value: str) -> dict[str, Any]:
    return {"name": name, "string_match": {"exact": value}}


def present(name: str) -> dict[str, Any]:
    return {"name": name, "present_match": True}


HEADERS: dict[str, dict[str, Any]] = {
    "proto": exact("x-forwarded-proto", "https"),
    "scheme": exact(":scheme", "https"),
    "id": present("x-request-id"),
    "no-id": {**present("x-request-id"), "invert_match": True},
    "own-id": exact("x-request-id", "ours"),
    "certificate": present("x-forwarded-client-cert"),
    "internal": present("x-envoy-internal"),
    "not-internal": {**present("x-envoy-internal"), "invert_match": True},
    "retried": exact("x-envoy-retry-on", "5xx"),
    "for": {"name": "x-forwarded-for", "string_match": {"prefix": "203.0.113."}},
}


def hosts() -> list[dict[str, Any]]:
    routes = [
        {"match": {"prefix": f"/{name}", "headers": [header]}, "route": {"cluster": name}}
        for name, header in HEADERS.items()
    ]
    match = {"prefix": "/", "headers": [exact("x-forwarded-proto", "http")]}
    redirect = {"name": "to-https", "match": match, "redirect": {"https_redirect": True}}
    last = {"match": {"prefix": "/"}, "route": {"cluster": "app"}}
    tls = {"name": "tls", "domains": ["tls.example"], "require_tls": "ALL", "routes": [last]}
    return [tls, {"name": "all", "domains": ["*"], "routes": [*routes, redirect, last]}]


def gateway() -> dict[str, Any]:
    """All of them, and a cluster for each header."""
    listeners = [
        listener(name, 10001 + number, {"name": name, "filters": [manager(*hosts(), **more)]})
        for number, (name, more) in enumerate(MANAGERS.items())
    ]
    return bootstrap(listeners, [cluster(each) for each in ("app", *HEADERS)])
