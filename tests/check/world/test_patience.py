"""Services have a quarter of a second to answer at least: what a busy machine takes longer for would be chance."""

from pathlib import Path
from typing import Any

from tests.check.world.worlds import TYPE, Built, bootstrap, cluster, given, http, listener

FILTERS = f"{TYPE}envoy.extensions.filters.http."
TO_IT = {"envoy_grpc": {"cluster_name": "it"}}


def waits(folder: Path, name: str, message: str, **config: Any) -> Any:
    """The filter's config in the world that is made."""
    one = {"name": name, "typed_config": {"@type": f"{FILTERS}{message}", **config}}
    world = Built(given(bootstrap([listener("web", 8000, http("it", one))], [cluster("it")])), folder)
    [found] = world.config()["static_resources"]["listeners"]
    return found["filter_chains"][0]["filters"][0]["typed_config"]["http_filters"][0]["typed_config"]


def test_what_waits_less_waits_longer(tmp_path: Path) -> None:
    service = {"grpc_service": TO_IT}
    limits = {"domain": "a", "rate_limit_service": {**service, "transport_api_version": "V3"}}
    assert waits(tmp_path / "1", "limit", "ratelimit.v3.RateLimit", **limits)["timeout"] == "0.25s"
    asked = waits(tmp_path / "2", "ask", "ext_authz.v3.ExtAuthz", grpc_service={**TO_IT, "timeout": "0.2s"})
    assert asked["grpc_service"]["timeout"] == "0.25s"
    processed = waits(tmp_path / "3", "process", "ext_proc.v3.ExternalProcessor", **service)
    assert processed["message_timeout"] == "0.25s"


def test_faults_delay_less(tmp_path: Path) -> None:
    long, short = (
        waits(tmp_path / each, "fault", "fault.v3.HTTPFault", delay={"fixed_delay": each, "percentage": {}})
        for each in ("2s", "0.05s")
    )
    assert long["delay"]["fixed_delay"] == "0.1s"
    assert short["delay"]["fixed_delay"] == "0.05s"


def test_what_waits_longer_stays(tmp_path: Path) -> None:
    uri = {"server_uri": {"uri": "http://it.example", "cluster": "it", "timeout": "0.5s"}}
    assert waits(tmp_path, "ask", "ext_authz.v3.ExtAuthz", http_service=uri)["http_service"] == uri
