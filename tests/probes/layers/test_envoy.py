"""What lies below a probe's protocol, as a real Envoy and a real nginx take it."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec import UNSET

from takeover.model.document import Observation, OtherConnection
from takeover.model.request import ProbeTls
from takeover.probes.observing import Observer
from takeover.probes.probe_file import read_probes
from takeover.scenario.loader import Scenario
from takeover.scene import Scene
from tests.probes.layers.peers import NAME


@pytest.fixture(scope="module")
def observed(scenario: Scenario, deploy: Callable[..., Scene]) -> dict[str, Observation]:
    """Each probe's, which is the same twice."""
    [group] = read_probes(scenario)
    scene = deploy(group, scenario)
    first, again = (Observer(scene, group).observe() for _ in range(2))
    assert first == again
    return {each.probe.removeprefix("layers/"): each.observation for each in first}


@pytest.mark.parametrize(
    ("probe", "status", "logged"),
    [
        ("right", 200, {"tls": "TLSv1.3", "server_name": NAME, "scheme": "https", "protocol": "HTTP/1.1"}),
        ("h2", 200, {"tls": "TLSv1.3", "scheme": "https", "protocol": "HTTP/2"}),
        ("h11", 200, {"tls": "TLSv1.2", "protocol": "HTTP/1.1"}),
        ("resumed", 200, {"tls": "TLSv1.3"}),
        ("resumed-before-1.3", 200, {"tls": "TLSv1.2"}),
        ("plain-on-tls", None, {"tls": "TLSv1.3", "status": 200}),
        ("reset", None, {"tls": "TLSv1.3", "status": 200}),
        ("plain", 200, {"tls": None, "filter_chain": "plain", "downstream_remote": "<client>:<port>"}),
        ("v1", 200, {"downstream_remote": "192.0.2.1:<port>", "told_destination": "192.0.2.2:443"}),
        ("v1-ipv6", 200, {"downstream_remote": "[2001:db8::1]:<port>", "told_destination": "[2001:db8::2]:443"}),
        ("v1-unknown", 200, {"downstream_remote": "<client>:<port>"}),
        ("v2", 200, {"downstream_remote": "192.0.2.1:<port>", "told_destination": "192.0.2.2:443"}),
        ("v2-tls", 200, {"downstream_remote": "192.0.2.1:<port>", "tls": "TLSv1.3"}),
        ("v2-tlvs", None, {"downstream_remote": "192.0.2.1:<port>", "authority": "told.example"}),
        ("v2-ipv6", 200, {"downstream_remote": "[2001:db8::1]:<port>", "told_destination": "[2001:db8::2]:443"}),
        ("v2-local", 200, {"downstream_remote": "<client>:<port>"}),
        ("v2-local-with-addresses", 200, {"downstream_remote": "<client>:<port>"}),
        ("v2-wrong-signature", 400, {"details": "http1.codec_error"}),
    ],
)
def test_what_envoy_takes(
    observed: dict[str, Observation], probe: str, status: int | None, logged: dict[str, Any]
) -> None:
    seen = observed[probe]
    assert seen.status == status
    entry = seen.log[-1]
    assert {name: entry.get(name) for name in logged} == logged
    assert (seen.tls is not UNSET) == (entry.get("tls") is not None)


@pytest.mark.parametrize(
    ("probe", "failure", "alert", "counter"),
    [
        ("no-certificate", "alert", "certificate_required", "fail_verify_no_cert"),
        ("no-certificate-before-1.3", "alert", "handshake_failure", "fail_verify_no_cert"),
        ("expired", "alert", "certificate_expired", "fail_verify_error"),
        ("anothers", "alert", "unknown_ca", "fail_verify_error"),
        ("half-files", "alert", "unknown_ca", "fail_verify_error"),
        ("old", "alert", "protocol_version", "connection_error"),
        ("cipher", "alert", "handshake_failure", "connection_error"),
        ("other-name", "reset", "", ""),
        ("no-name", "reset", "", ""),
        ("ssl3", "reset", "", ""),
    ],
)
def test_what_envoy_refuses_by_tls(
    observed: dict[str, Observation], probe: str, failure: str, alert: str, counter: str
) -> None:
    seen = observed[probe]
    assert seen.tls is not UNSET
    assert (seen.status, seen.log, seen.tls.failure, seen.tls.alert) == (None, [], failure, alert)
    assert seen.end == ("closed" if alert else "reset")
    assert [name.rpartition(".")[2] for name in seen.stats if "ssl.fail" in name or "ssl.connection_error" in name] == (
        [counter] if counter else []
    )


@pytest.mark.parametrize(
    ("probe", "version"), [("v1-wrong-family", 1), ("v2-wrong-length", 2), ("v2-wrong-family", 2), ("raw", 1)]
)
def test_what_envoy_refuses_by_its_proxy_header(observed: dict[str, Observation], probe: str, version: int) -> None:
    seen = observed[probe]
    assert (seen.status, seen.end, seen.log, seen.tls) == (None, "reset", [], UNSET)
    assert seen.stats[f"proxy_proto.versions.v{version}.error"] == 1


def test_what_is_observed_of_tls(observed: dict[str, Observation]) -> None:
    tls = {name: each.tls for name, each in observed.items() if each.tls is not UNSET}
    assert {name: each.alpn for name, each in tls.items() if each.alpn} == {"h2": "h2", "h11": "http/1.1"}
    assert [name for name, each in tls.items() if each.resumed] == ["resumed", "resumed-before-1.3"]
    assert all(NAME in str(each.certificate) for each in tls.values() if each.version and not each.resumed)
    # Whoever ends his half in order is told so in order, and a server that is reset tells nothing.
    assert (tls["plain-on-tls"].alert, observed["plain-on-tls"].end) == ("close_notify", "closed")
    assert (tls["reset"].alert, observed["reset"].end) == ("", "reset")


def test_several_connections_at_once_are_each_seen(observed: dict[str, Observation]) -> None:
    several, refused, limited = (observed[each] for each in ("several", "several-refused", "too-many"))
    assert several.others == [OtherConnection(200, True, "open")] * 2
    assert (several.status, len(several.log)) == (200, 3)
    assert refused.others == [OtherConnection(None, False, "closed", "certificate_required")] * 2
    assert limited.others == [OtherConnection(None, False, each) for each in ("open", "open", "closed")]
    assert (limited.end, limited.stats["connection_limit.limited.limited_connections"]) == ("closed", 2)
    nobody = observed["nobody"]
    assert (nobody.end, nobody.others, nobody.tls) == ("refused", [OtherConnection(None, False, "refused")], UNSET)
    with_others = {name for name, each in observed.items() if each.others is not UNSET}
    assert with_others == {"several", "several-refused", "too-many", "nobody"}


def test_what_nginx_is_told(observed: dict[str, Observation]) -> None:
    assert observed["nginx-v1"].body == "told: 192.0.2.1:1234\nserver name: \nclient: \n"
    assert observed["nginx-v2"].body == "told: 2001:db8::1:1234\nserver name: \nclient: \n"
    assert observed["nginx-tls"].body == f"told: 192.0.2.1:1234\nserver name: {NAME}\nclient: SUCCESS\n"
    assert "The SSL certificate error" in observed["nginx-tls-expired"].body
    for refused in ("nginx-wrong-signature", "nginx-none"):
        assert (observed[refused].status, observed[refused].end) == (None, "closed")


def test_what_a_probe_offers_is_recorded_to_be_repeated(scenario: Scenario) -> None:
    [group] = read_probes(scenario)
    requests = {each.name: each.request for each in group.probes}
    assert requests["h11"].tls == ProbeTls(
        server_name=NAME, alpn=["http/1.1"], client_certificate="client.pem", min_version="TLSv1.2",
        max_version="TLSv1.2",
    )  # fmt: skip
    assert (requests["v1"].tls, requests["v1"].proxy) == (None, "PROXY TCP4 192.0.2.1 192.0.2.2 1234 443\r\n")
    assert (requests["plain"].tls, requests["plain"].proxy) == (None, None)
