"""A listener to which only Envoy's own clusters lead: what is asked of those that lead there reaches it."""

from pathlib import Path

import msgspec
import pytest

from takeover.store import documents as store
from tests.check.whole import API, checked, cluster, dumped, listener, typed, written

TO_INSIDE = {"name": "in", "match": {"prefix": "/deep"}, "route": {"cluster": "inside"}}
TO_APP = {"name": "deep", "match": {"prefix": "/deep"}, "route": {"cluster": "app"}}
OTHER = {"name": "other", "match": {"prefix": "/"}, "direct_response": {"status": 418}}
EXTENSION = typed(f"{API}extensions.bootstrap.internal_listener.v3.InternalListener")
RAW = typed(f"{API}extensions.transport_sockets.raw_buffer.v3.RawBuffer")


@pytest.mark.parametrize("kind", ["bootstrap", "dump"])
def test_an_internal_listener_is_reached_by_way_of_the_one_whose_cluster_leads_there(kind: str, tmp_path: Path) -> None:
    inside = listener("inside", 0, TO_APP, OTHER)
    del inside["address"]
    inside["internal_listener"] = {}
    address = {"envoy_internal_address": {"server_listener_name": "inside"}}
    transport = typed(
        f"{API}extensions.transport_sockets.internal_upstream.v3.InternalUpstreamTransport",
        transport_socket={"name": "raw", "typed_config": RAW},
    )
    to_inside = {
        "name": "inside",
        "load_assignment": {
            "cluster_name": "inside",
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
        },
        "transport_socket": {"name": "internal", "typed_config": transport},
    }
    listeners, clusters = [listener("web", 8000, TO_INSIDE), inside], [cluster("app"), to_inside]
    if kind == "dump":  # without the section of a bootstrap: one with the extension is made
        file = dumped(tmp_path, listeners, clusters)
    else:
        file = written(tmp_path, *listeners, clusters=(*clusters,))
        extensions = [{"name": "internal", "typed_config": EXTENSION}]
        file.write_text(file.read_text() + f"bootstrap_extensions: {msgspec.json.encode(extensions).decode()}\n")

    ended = checked(file, "--probes-per-route", "3")

    assert ended.returncode == 0, ended.stdout + ended.stderr
    found = store.read(tmp_path / "reports/latest/results/new.json")
    assert found.checked is not msgspec.UNSET
    parts = {each.id: each for each in found.checked.parts}
    web, host = "listener web / filter chain 0", "listener inside / filter chain 0 / virtual host shop"
    deep = parts[f"{host} / route 0"]
    assert deep.probes > 0
    assert set(deep.by) <= set(parts[f"{web} / virtual host shop / route 0"].by)
    assert deep.by == parts["cluster app"].by
    assert parts["listener inside"].told_by == "the access log"
    # The other one's requests cannot come there: what leads there leads to the first one's alone.
    assert parts[f"{host} / route 1"].why == "it is internal: only Envoy's own clusters lead there"
    made = "the bootstrap has the extension of internal listeners" in ended.stdout
    assert made == (kind == "dump")
