"""A secret may be a word of our own: what a run stores can be read, and what it reached is known nevertheless."""

from pathlib import Path

from takeover.store import documents as store
from tests.check.whole import checked, cluster, listener, written

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
