"""A client's certificate has the names that rules of RBAC let in, and none that any keeps out."""

from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from tests.check.world.worlds import DOWNSTREAM_TLS, TYPE, Built, bootstrap, cluster, given, http, listener, served

ANYBODY = ("spiffe://client.test/ns/default/sa/client", "client.test", "CN=a client")
ONE, OTHER = "spiffe://a.mesh/ns/one/sa/x", "spiffe://a.mesh/ns/two/sa/x"


def known(name: str) -> dict[str, Any]:
    return {"authenticated": {"principal_name": {"exact": name}}}


def rbac(*principals: dict[str, Any], **more: Any) -> dict[str, Any]:
    policies = {"p": {"permissions": [{"any": True}], "principals": list(principals)}}
    url = f"{TYPE}envoy.extensions.filters.http.rbac.v3.RBAC"
    return {"name": "rbac", "typed_config": {"@type": url, "rules": {"policies": policies, **more}}}


def built(folder: Path, *filters: dict[str, Any], asks: bool = True) -> Built:
    authority = {"trusted_ca": {"filename": "/ca.pem"}}
    context = {"@type": DOWNSTREAM_TLS, "common_tls_context": {"validation_context": authority} if asks else {}}
    one = listener("in", 8443)
    one["filter_chains"] = [{"filters": [http("app", *filters)], "transport_socket": {
        "name": "tls", "typed_config": context}}]  # fmt: skip
    return Built(given(bootstrap([one], [cluster("app")])), folder / "mine")


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ((), ANYBODY),
        ((rbac(known(ONE), {"authenticated": {}}),), (*ANYBODY[:2], ONE, ANYBODY[2])),
        ((rbac({"or_ids": {"ids": [known(ONE), known(OTHER)]}}),), (*ANYBODY[:2], ONE, OTHER, ANYBODY[2])),
        ((rbac(known(ONE), known(OTHER)), rbac(known(OTHER), action="DENY")), (*ANYBODY[:2], ONE, ANYBODY[2])),
        ((rbac(known(ONE), {"and_ids": {"ids": [known(OTHER), {"not_id": known(ONE)}]}}),),
         (*ANYBODY[:2], OTHER, ANYBODY[2])),
        ((rbac({"not_id": known(ONE)}, action="DENY"),), (*ANYBODY[:2], ONE, ANYBODY[2])),
    ],
)  # fmt: skip
def test_a_client_has_the_names_that_rules_let_in(filters: Any, names: tuple[str, ...], tmp_path: Path) -> None:
    made = built(tmp_path, *filters)
    assert made.world.client_names == names
    certificate = x509.load_pem_x509_certificate((made.folder / "client.pem").read_bytes())
    alternatives = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert tuple(each.value for each in alternatives) == names[:-1]


def test_rules_of_routes_that_are_served_count_too(tmp_path: Path) -> None:
    of_route = {"rbac": {"@type": f"{TYPE}envoy.extensions.filters.http.rbac.v3.RBACPerRoute",
                         "rbac": rbac(known(ONE))["typed_config"]}}  # fmt: skip
    host = {"name": "h", "domains": ["*"], "routes": [
        {"match": {"prefix": "/"}, "route": {"cluster": "app"}, "typed_per_filter_config": of_route}]}  # fmt: skip
    table = served("envoy.config.route.v3.RouteConfiguration", "r", {"name": "r", "virtual_hosts": [host]})
    context = {"@type": DOWNSTREAM_TLS, "common_tls_context": {"validation_context": {}}}
    one = listener("in", 8443)
    one["filter_chains"] = [{"filters": [http("app")], "transport_socket": {"name": "tls", "typed_config": context}}]
    made = Built(given(bootstrap([one], [cluster("app")]), table), tmp_path / "mine")
    assert ONE in made.world.client_names


def test_where_no_listener_asks_for_a_certificate_there_is_none(tmp_path: Path) -> None:
    made = built(tmp_path, rbac(known(ONE)), asks=False)
    assert (made.world.client_certificate, made.world.client_names) == ("", ())
