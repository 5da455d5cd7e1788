"""Trees of matchers that look at shares of values, and those of filters, whose conditions are expressions."""

from pathlib import Path
from typing import Any

import pytest

from takeover.store import documents as store
from tests.check.derive.cel_text import parsed
from tests.check.derive.trees import every, header, listed, to
from tests.check.test_sidecar import found
from tests.check.whole import API, HTTP, checked, cluster, listener, typed, written

CEL = "type.googleapis.com/xds.type.matcher.v3."


def share(numerator: int, **more: Any) -> dict[str, Any]:
    config = typed(
        f"{API}extensions.matching.input_matchers.runtime_fraction.v3.RuntimeFraction",
        runtime_fraction={"default_value": {"numerator": numerator}},
        **more,
    )
    return {"single_predicate": {"input": header("x-user"), "custom_match": {"name": "share", "typed_config": config}}}


def expression(text: str) -> dict[str, Any]:
    attributes = {"name": "request", "typed_config": {"@type": f"{CEL}HttpAttributesCelMatchInput"}}
    config = {"@type": f"{CEL}CelMatcher", "expr_match": parsed(text)}
    return {"single_predicate": {"input": attributes, "custom_match": {"name": "cel", "typed_config": config}}}


def rule(name: str, **more: Any) -> dict[str, Any]:
    return {"action": {"name": name, "typed_config": typed(f"{API}config.rbac.v3.Action", name=name, **more)}}


def test_a_share_of_values_is_met_and_missed(tmp_path: Path) -> None:
    tree = listed((share(1, seed=7), to("rare")), (share(50), to("half")), otherwise=to("rest"))
    web = listener("web", 8000)
    [host] = web["filter_chains"][0]["filters"][0]["typed_config"]["route_config"]["virtual_hosts"]
    host["matcher"] = tree
    del host["routes"]

    clusters = tuple(cluster(name) for name in ("rare", "half", "rest"))
    ended = checked(written(tmp_path, web, clusters=clusters), "--probes-per-route", "5")

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert [each.id for each in found(tmp_path).parts if not each.probes] == []


def test_ends_of_a_filters_tree_are_met_and_missed(tmp_path: Path) -> None:
    allowed = expression("request.headers['x-team'] in ['red', 'blue'] && !request.path.startsWith('/closed')")
    both = every(allowed, expression("request.method == 'POST'"))
    unknown = expression("source.port > 70000")
    tree = listed((both, rule("DENY", action="DENY")), (allowed, rule("ALLOW")), (unknown, rule("ALSO")))
    rules = {"name": "rules", "typed_config": typed(f"{HTTP}rbac.v3.RBAC", matcher=tree)}
    web = listener("web", 8000, {"match": {"prefix": "/"}, "route": {"cluster": "app"}}, filters=(rules,))

    ended = checked(written(tmp_path, web, clusters=(cluster("app"),)), "--probes-per-route", "20")

    assert ended.returncode == 0, ended.stdout + ended.stderr
    statuses = {
        each.probe.removeprefix("edges/web-"): each.observation.status
        for each in store.read(tmp_path / "reports/latest/results/new.json").probes
        if each.probe.startswith("edges/web-tree")
    }
    assert statuses["tree-0"] == 403
    assert statuses["tree-1"] == 200
    assert statuses["tree-1-no-header-x-team-another"] == 403
    assert statuses["tree-1-no-header-path-another"] == 403
    assert "asks for >" in ended.stdout


def of_status(message: str, **matcher: str) -> dict[str, Any]:
    source = {"name": "status", "typed_config": typed(f"{API}type.matcher.v3.HttpResponseStatusCode{message}")}
    return {"single_predicate": {"input": source, "value_match": matcher}}


def replaced_by(name: str) -> dict[str, Any]:
    policy = typed(f"{API}extensions.http.custom_response.local_response_policy.v3.LocalResponsePolicy")
    policy |= {"status_code": 299, "response_headers_to_add": [{"header": {"key": "x-replaced", "value": name}}]}
    return {"action": {"name": name, "typed_config": policy}}


@pytest.mark.parametrize("is_http2", [False, True])
def test_answers_of_each_status_that_a_tree_replaces_and_of_others_come(tmp_path: Path, is_http2: bool) -> None:
    tree = listed(
        (of_status("MatchInput", exact="404"), replaced_by("missing")),
        (of_status("MatchInput", prefix="50"), replaced_by("broken")),
        (of_status("ClassMatchInput", exact="4xx"), replaced_by("refused")),
    )
    config = typed(f"{HTTP}custom_response.v3.CustomResponse", custom_response_matcher=tree)
    filters = ({"name": "replaced", "typed_config": config},)
    web = listener("web", 8000, {"match": {"prefix": "/"}, "route": {"cluster": "app"}}, filters=filters)
    url = "extensions.upstreams.http.v3.HttpProtocolOptions"
    http2 = {"envoy." + url: typed(API + url, explicit_http_config={"http2_protocol_options": {}})}
    app = cluster("app", **({"typed_extension_protocol_options": http2} if is_http2 else {}))

    ended = checked(written(tmp_path, web, clusters=(app,)), "--probes-per-route", "20")

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "a match by" not in ended.stdout
    replaced = {
        each.probe.rpartition("/web-tree-")[2]: dict(each.observation.headers).get("x-replaced")
        for each in store.read(tmp_path / "reports/latest/results/new.json").probes
        if "/web-tree-" in each.probe
    }
    assert (replaced["0"], replaced["1"], replaced["2"]) == ("missing", "broken", "refused")
    assert replaced["0-no-status-another"] == "broken"
    assert {replaced["1-no-status-another"], replaced["2-no-class-of-status-another"]} <= {None, "missing", "broken"}
