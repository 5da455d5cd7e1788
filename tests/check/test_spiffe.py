"""Identities of a mesh that a validator of SPIFFE looks at, at either end of Envoy."""

import json
from pathlib import Path
from typing import Any

import pytest

from takeover.check.world import certificates
from tests.check.test_sidecar import found
from tests.check.whole import API, checked, cluster, listener, typed, written

TLS = f"{API}extensions.transport_sockets.tls.v3."
WHO = "spiffe://two.mesh/ns/a/sa/b"


def validating(**fields: Any) -> dict[str, Any]:
    validator = {
        "name": "envoy.tls.cert_validator.spiffe",
        "typed_config": typed(f"{TLS}SPIFFECertValidatorConfig", **fields),
    }
    names = [{"san_type": "URI", "matcher": each} for each in ({"exact": WHO}, {"prefix": "spiffe://two.mesh/ns/c/"})]
    return {"validation_context": {"custom_validator_config": validator, "match_typed_subject_alt_names": names}}


def socket(kind: str, common: dict[str, Any], **fields: Any) -> dict[str, Any]:
    pair = {"certificate_chain": {"filename": "/tls/cert.pem"}, "private_key": {"filename": "/tls/key.pem"}}
    common = {"tls_certificates": [pair], **common}
    return {"name": "tls", "typed_config": typed(f"{TLS}{kind}", common_tls_context=common, **fields)}


BUNDLES = json.dumps({"trust_domains": {each: {"keys": []} for each in ("one.mesh", "two.mesh")}})
TRUSTING = {
    "authorities at a path": {
        "trust_domains": [
            {"name": each, "trust_bundle": {"filename": f"/tls/{each}.pem"}} for each in ("one", "two.mesh")
        ]
    },
    "authorities in the configuration": {
        "trust_domains": [{"name": "two.mesh", "trust_bundle": {"inline_string": certificates.authority().chain}}]
    },
    "bundles at a path": {"trust_bundles": {"filename": "/tls/bundles.json"}},
    "bundles in the configuration": {"trust_bundles": {"inline_string": BUNDLES}},
}


def test_a_client_is_one_whom_rules_let_in(tmp_path: Path) -> None:
    """As policies of a mesh name the identities that may come."""
    who = {"authenticated": {"principal_name": {"exact": "spiffe://two.mesh/ns/x/sa/y"}}}
    policy: dict[str, Any] = {"permissions": [{"destination_port": 8443}], "principals": [{"and_ids": {"ids": [who]}}]}
    rules: dict[str, Any] = {"policies": {"a": policy}}
    by_rules = {"name": "rbac", "typed_config": typed(f"{API}extensions.filters.http.rbac.v3.RBAC", rules=rules)}
    web = listener("web", 8443, {"match": {"prefix": "/"}, "route": {"cluster": "app"}}, filters=(by_rules,))
    trusting: Any = TRUSTING["authorities in the configuration"]
    common = validating(**trusting)
    web["filter_chains"][0]["transport_socket"] = socket(
        "DownstreamTlsContext", common, require_client_certificate=True
    )

    ended = checked(written(tmp_path, web, clusters=(cluster("app"),)), "--probes-per-route", "3")

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert [each.name for each in found(tmp_path).parts if not each.probes] == []
    assert "not asked: web: http_filters" not in ended.stdout


@pytest.mark.parametrize("trusting", TRUSTING.values(), ids=TRUSTING)
def test_either_end_is_who_the_validator_looks_for(trusting: dict[str, Any], tmp_path: Path) -> None:
    web = listener("web", 8443, {"match": {"prefix": "/"}, "route": {"cluster": "app"}})
    common = validating(**trusting)
    web["filter_chains"][0]["transport_socket"] = socket(
        "DownstreamTlsContext", common, require_client_certificate=True
    )
    behind = cluster("app", transport_socket=socket("UpstreamTlsContext", common, sni="app.mesh"))

    ended = checked(written(tmp_path, web, clusters=(behind,)), "--probes-per-route", "3")

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert [each.name for each in found(tmp_path).parts if not each.probes] == []
