"""Scopes whose keys come from a header that has a secret."""

from pathlib import Path

import pytest

from tests.check.derive.scopes import numbered, routes, scope, scoped_manager, whole
from tests.check.test_sidecar import found
from tests.check.whole import HTTP, checked, cluster, listener, typed, written

BUILDERS = {
    "x-api-key": (whole("x-api-key"), "blue-1a2b3c4d5e", "reddish-5e4d3c2b1a"),
    "authorization": (numbered("authorization", " ", 1), "blue-1a2b3c4d5e", "reddish-5e4d3c2b1a"),
}


@pytest.mark.parametrize(("builder", "one", "two"), BUILDERS.values(), ids=BUILDERS)
def test_scopes_are_told_apart_by_a_secret_that_nobody_sees(
    builder: dict[str, object], one: str, two: str, tmp_path: Path
) -> None:
    manager = scoped_manager([builder], scope("one", one, table=routes("one", "/a", "/")), scope("two", two))
    router = {"name": "router", "typed_config": typed(f"{HTTP}router.v3.Router")}
    manager["typed_config"]["http_filters"] = [router]
    web = listener("web", 8000)
    web["filter_chains"][0]["filters"] = [manager]

    ended = checked(written(tmp_path, web, clusters=(cluster("one"), cluster("two"))), "--probes-per-route", "4")

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert [each.id for each in found(tmp_path).parts if not each.probes] == []
    kept = [
        ended.stdout + ended.stderr,
        *(each.read_text() for each in (tmp_path / "reports").rglob("*.*") if each.is_file()),
    ]
    for secret in (one, two):
        assert not any(secret[:-1].lower() in each.lower() for each in kept)
