"""Who knows nothing of the control plane's API asks it what there is."""

from pathlib import Path

from tests.peers.control_plane import running


def test_it_lists_what_there_is_to_ask(tmp_path: Path) -> None:
    with running(tmp_path) as plane:
        answer = plane.api.get("/")
        assert (answer.status_code, answer.reason_phrase) == (200, "OK")
        assert {"GET /ready", "PUT /snapshot", "GET /record"} < set(answer.json()["api"])
        missing = plane.api.get("/nothing")
        assert (missing.status_code, missing.reason_phrase) == (404, "Not Found")
