"""A secret may be a word of our own: what a run stores can be read, and what it reached is known nevertheless."""

from pathlib import Path

from takeover.store import documents as store
from tests.check.whole import ALL, HTTP, checked, cluster, listener, typed, written

WORDS = ("status", "version", "closed", "headers", "server_info", "listener", "filter_chain", "upstream_cluster")


def test_a_check_whose_secrets_are_words_of_its_results_is_as_any_other(tmp_path: Path) -> None:
    added = [{"header": {"key": f"x-token-{number}", "value": each}} for number, each in enumerate(WORDS)]
    route = {"name": "app", "match": {"prefix": "/"}, "route": {"cluster": "app"}, "request_headers_to_add": added}
    file = written(tmp_path, listener("web", 8000, route), clusters=(cluster("app"),))

    ended = checked(file, "--probes-per-route", "3")

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "0 of" not in ended.stdout
    found = store.read(tmp_path / "reports/latest/results/new.json")
    assert found.checked is not None
    bodies = [each.observation.body for each in found.probes if "x-token-0:" in each.observation.body]
    assert bodies
    assert all(f"x-token-{number}: (removed: may be a secret)" in bodies[0] for number in (1, 2, 3, 4))


def test_probes_whose_names_have_secrets_are_told_apart(tmp_path: Path) -> None:
    reading = "\n".join(f'h:headers():get("{each}")' for each in ("x-of-one", "x-of-another"))
    source = {"inline_string": f"function envoy_on_request(h)\n{reading}\nend"}
    lua = {"name": "lua", "typed_config": typed(f"{HTTP}lua.v3.Lua", default_source_code=source)}
    route = {"name": "app", "match": {"prefix": "/"}, "route": {"cluster": "app"}}
    file = written(tmp_path, listener("web", 8000, route, filters=(lua,)), clusters=(cluster("app"),))

    ended = checked(file, "--probes-per-route", "40", *ALL, pair=True)

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "no difference" in ended.stdout
    names = [each.probe for each in store.read(tmp_path / "reports/latest/results/new.json").probes]
    assert len(set(names)) == len(names)
    assert [each for each in names if "removed-may-be-a-secret" in each]
