"""Checks of configurations in which chance decides of some of the requests."""

from pathlib import Path
from typing import Any

import pytest

from takeover.store import documents as store
from tests.check.whole import HTTP, checked, cluster, listener, typed, written


def some(per_cent: int, **more: Any) -> dict[str, Any]:
    return {"default_value": {"numerator": per_cent}, **more}


@pytest.mark.parametrize("key", [{}, {"runtime_key": "a.share"}])
def test_shares_are_all_or_none_and_what_is_copied_is_reached(tmp_path: Path, key: dict[str, str]) -> None:
    copies = [{"cluster": "copy", "runtime_fraction": some(5, **key)}]
    routes = [
        {"name": "often", "match": {"prefix": "/often", "runtime_fraction": some(70)}, "route": {"cluster": "often"}},
        {"name": "seldom", "match": {"prefix": "/", "runtime_fraction": some(20)}, "route": {"cluster": "seldom"}},
        {"name": "rest", "match": {"prefix": "/"}, "route": {"cluster": "rest", "request_mirror_policies": copies}},
    ]
    csrf = {"name": "csrf", "typed_config": typed(f"{HTTP}csrf.v3.CsrfPolicy", filter_enabled=some(60))}
    clusters = tuple(cluster(each) for each in ("often", "seldom", "rest", "copy"))
    ended = checked(written(tmp_path, listener("web", 8000, *routes, filters=(csrf,)), clusters=clusters))
    assert ended.returncode == 0, ended.stdout + ended.stderr
    for share, settled in (("70", 100), ("20", 0), ("60", 100)):
        assert f"a share of {share} % is {settled} %" in ended.stdout
    assert ("a share of 5 % is 100 %" in ended.stdout) is not bool(key)
    [reached] = [line for line in ended.stdout.splitlines() if line.startswith("clusters ")]
    assert reached.split()[1:] == ["3", "of", "4"]
    assert "not reached: cluster seldom" in ended.stdout
    results = store.read(tmp_path / "reports/latest/results/new.json").probes
    routed = {each.observation.log[0].get("route") for each in results if each.observation.log}
    assert {"often", "rest"} <= routed
    assert "seldom" not in routed
