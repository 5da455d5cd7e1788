"""A service that is asked whether requests are within their limits: over them, and when it fails."""

from pathlib import Path
from typing import Any

from takeover.store import documents as store
from tests.check.test_authorization import HTTP2
from tests.check.whole import HTTP, checked, cluster, listener, typed, written


def limited(name: str, *actions: dict[str, Any]) -> dict[str, Any]:
    limits = [{"actions": [{"generic_key": {"descriptor_value": name}}, *actions]}]
    return {"name": name, "match": {"prefix": f"/{name}/"}, "route": {"cluster": "app", "rate_limits": limits}}


def test_a_request_is_over_its_limit_where_something_of_it_comes_into_the_limit(tmp_path: Path) -> None:
    by_header = {"request_headers": {"header_name": "X-User", "descriptor_key": "user"}}
    by_query = {"query_parameters": {"query_parameter_name": "user", "descriptor_key": "user"}}
    service = {"grpc_service": {"envoy_grpc": {"cluster_name": "limits"}}, "transport_api_version": "V3"}
    config = typed(
        f"{HTTP}ratelimit.v3.RateLimit",
        domain="d",
        failure_mode_deny=True,
        enable_x_ratelimit_headers="DRAFT_VERSION_03",
        rate_limit_service=service,
    )
    routes = limited("header", by_header), limited("query", by_query), limited("none")
    file = written(
        tmp_path,
        listener("web", 8000, *routes, filters=({"name": "limits", "typed_config": config},)),
        clusters=(cluster("app"), cluster("limits", typed_extension_protocol_options=HTTP2)),
    )
    ended = checked(file, "--within", "7")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    seen = {
        name.removeprefix("shop-"): each.observation
        for each in store.read(tmp_path / "reports/latest/results/new.json").probes
        if (name := each.probe.partition("/")[2]).startswith("shop-")
    }
    for name, by in (("header", "header-x-user"), ("query", "query-user")):
        over = seen[f"{name}-limit-{by}-over"]
        assert over.status == 429
        assert ("x-ratelimit-limit", "7, 7;w=3600") in over.headers
        assert seen[f"{name}-limit-{by}-over-with-headers"].status == 429
        assert ("x-limit", "reached") in seen[f"{name}-limit-{by}-over-with-headers"].headers
        assert seen[f"{name}-limit-{by}-service-fails"].status == 500
        assert seen[name].status == 200
    assert "nothing in a request says that this limit is reached" in ended.stdout
