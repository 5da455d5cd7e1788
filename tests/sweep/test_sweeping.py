"""Sweeps of real Envoys."""

import msgspec
import pytest
import yaml

from takeover.envoy.releases import resolve
from takeover.model.document import Sweep, Variant
from takeover.sweep.sweeping import sweep
from tests.sweep.bases_of_tests import PREFIX, cluster, listener, of

RELEASE = resolve(None)[0]
AGAIN = msgspec.structs.replace(RELEASE, name="again")
TLS = "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext"


def by_name(found: Sweep) -> dict[str, Variant]:
    return {each.name: each for each in found.variants}


@pytest.fixture(scope="module")
def of_a_listener() -> dict[str, Sweep]:
    """One binary under two names."""
    return sweep([RELEASE, AGAIN], of(listener(), cluster()), within=15)


def test_the_same_binary_under_two_names_does_the_same(of_a_listener: dict[str, Sweep]) -> None:
    one, other = of_a_listener.values()
    assert one.variants == other.variants
    assert one.probed > 5  # of a machine that is busy
    assert {each.state for each in one.variants} >= {"taken", "refused"}


def test_what_was_left_out_is_counted_and_the_rest_is_spread_over_the_fields(of_a_listener: dict[str, Sweep]) -> None:
    found = sweep([RELEASE], of(listener(), cluster()), within=0.5)[RELEASE.name]
    assert found.left_out > 0
    assert found.fields_left_out > 0
    assert found.fields == len(found.variants)  # of each one value
    assert found.seconds >= 0.5
    longer = of_a_listener["again"]
    assert longer.left_out + len(longer.variants) == found.left_out + len(found.variants)


def test_the_first_variants_are_asked_however_little_time_there_is() -> None:
    """Else it would say "no difference" of nothing."""
    found = sweep([RELEASE], of(cluster()), within=1e-6)[RELEASE.name]
    assert found.variants
    assert found.left_out


@pytest.fixture(scope="module")
def of_a_cluster() -> dict[str, Variant]:
    return by_name(sweep([RELEASE], of(cluster()))[RELEASE.name])


def test_why_something_is_refused_is_said_in_envoys_words_without_the_variants_own_name(
    of_a_cluster: dict[str, Variant],
) -> None:
    negative = of_a_cluster["Cluster.connect_timeout = -1s"]
    assert (negative.state, "Expected positive duration" in negative.error) == ("refused", True)
    assert of_a_cluster["Cluster.lb_policy = RANDOM"].state == "taken"
    unknown = of_a_cluster["Cluster.lb_policy = 8"].error
    assert unknown.startswith("Error adding/updating cluster(s) app: ") or "ClusterValidationError.LbPolicy" in unknown
    assert not [each for each in of_a_cluster.values() if "app~" in each.error]


def test_an_envoy_that_ends_is_told_and_the_sweep_goes_on(of_a_cluster: dict[str, Variant]) -> None:
    # A percentage that is no number is noticed by a worker, after the update was taken.
    found = of_a_cluster["Cluster.CommonLbConfig.healthy_panic_threshold.value = nan"]
    assert (found.state, found.error.partition(":")[0]) == ("ended", "exit code 134")
    assert [name for name, each in of_a_cluster.items() if each.state == "ended"] == [found.name]
    assert len(of_a_cluster) > 1000


def test_a_difference_between_two_versions_is_found_with_the_smallest_configuration() -> None:
    old, new = resolve("1.37.0")[0], resolve("1.40.0")[0]
    context = {"name": "tls", "typed_config": {"@type": f"{PREFIX}/{TLS}", "sni": "app.example"}}
    endpoint = {"endpoint": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 80}}}}
    base = cluster(
        transport_socket=context,
        load_assignment={"cluster_name": "app", "endpoints": [{"lb_endpoints": [endpoint]}]},
    )
    found = sweep([old, new], of(base))
    before, after = (by_name(each) for each in found.values())
    differing = {name: (before[name], after[name]) for name in before if before[name] != after[name]}

    [field] = {name for name in differing if differing[name][0].state != differing[name][1].state} & {
        "Endpoint.AdditionalAddress.address.pipe = there"
    }
    was, now = differing[field]
    assert (was.state, now.state) == ("refused", "taken")
    assert "must be IP addresses" in was.error
    assert was.config == now.config
    smallest = yaml.safe_load(was.config)
    assert "transport_socket" not in smallest
    [locality] = smallest["load_assignment"]["endpoints"]
    assert list(locality["lb_endpoints"][0]["endpoint"]["additional_addresses"][0]["address"]) == ["pipe"]
    [warned] = after["UpstreamTlsContext.enforce_rsa_key_usage = True"].warnings
    assert "deprecated option" in warned
