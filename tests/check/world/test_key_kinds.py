"""Of which kind made keys are: as those that were there, and as ciphers want them; else no handshake comes about."""

from pathlib import Path
from typing import Any

import pytest

from takeover.check.world.certificates import certificate, is_of_rsa
from tests.check.world.worlds import DOWNSTREAM_TLS, Built, bootstrap, cluster, given, http, listener, tls

RSA = ["ECDHE-RSA-AES128-GCM-SHA256", "AES128-SHA"]
ANY: list[str] = []
ECDSA = ["[ECDHE-ECDSA-AES128-GCM-SHA256|AES128-SHA]"]
REDACTED = {"inline_string": "[redacted]"}


def suites(of: list[str]) -> dict[str, Any]:
    return {"tls_params": {"cipher_suites": of}} if of else {}


def secured(folder: Path, chain: dict[str, str], of: list[str]) -> str:
    """The chain that a listener has in the world, whose key a dump had redacted."""
    common = {"tls_certificates": [{"certificate_chain": chain, "private_key": REDACTED}], **suites(of)}
    socket = {"name": "tls", "typed_config": {"@type": DOWNSTREAM_TLS, "common_tls_context": common}}
    chained = {"filters": [http("app")], "transport_socket": socket}
    world = Built(given(bootstrap([{**listener("web", 443), "filter_chains": [chained]}], [cluster("app")])), folder)
    [found] = world.config()["static_resources"]["listeners"]
    [pair] = found["filter_chains"][0]["transport_socket"]["typed_config"]["common_tls_context"]["tls_certificates"]
    assert "PRIVATE KEY" in pair["private_key"]["inline_string"]
    return str(pair["certificate_chain"]["inline_string"])


@pytest.mark.parametrize("of_rsa", [False, True])
@pytest.mark.parametrize("of", [RSA, ANY, ECDSA], ids=["rsa", "any", "ecdsa"])
def test_a_listeners_key_is_as_the_one_that_was_there(of_rsa: bool, of: list[str], tmp_path: Path) -> None:
    before = certificate("before", ["a.test"], of_rsa=of_rsa).chain
    assert is_of_rsa(secured(tmp_path, {"inline_string": before}, of)) == of_rsa


@pytest.mark.parametrize(("of", "of_rsa"), [(RSA, True), (ANY, False), (ECDSA, False)], ids=["rsa", "any", "ecdsa"])
def test_where_that_is_not_known_as_the_ciphers_want_it(of: list[str], of_rsa: bool, tmp_path: Path) -> None:
    assert is_of_rsa(secured(tmp_path, {"filename": "/etc/tls.crt"}, of)) == of_rsa


@pytest.mark.parametrize(("of", "of_rsa"), [(RSA, True), (ANY, False), (ECDSA, False)], ids=["rsa", "any", "ecdsa"])
def test_an_upstreams_key_is_as_the_clusters_ciphers_want_it(of: list[str], of_rsa: bool, tmp_path: Path) -> None:
    app = cluster("app", "10.1.2.3", 443, transport_socket=tls(**suites(of)))
    world = Built(given(bootstrap([listener("web", 80, http("app"))], [app])), tmp_path)
    name = world.place("10.1.2.3", 443).certificate
    assert is_of_rsa((tmp_path / f"world/{name}.pem").read_text()) == of_rsa
