"""What a real Envoy answers to /config_dump?include_eds is taken as it is, endpoints and all."""

import json
from pathlib import Path

import msgspec

from takeover.store import documents as store
from tests.check.whole import checked
from tests.run.outside import CONFIG, run

DUMPING = """
import json, pathlib, pytest

@pytest.mark.scenario("gateway-weights")
def test_it(scene):
    pathlib.Path({file!r}).write_text(json.dumps(scene.envoy.config_dump(), indent=1))
"""


def test_an_envoy_is_checked_by_its_own_dump(tmp_path: Path) -> None:
    file = tmp_path / "dump.json"
    (tmp_path / "test_it.py").write_text(DUMPING.format(file=str(file)))
    ended = run(*CONFIG, str(tmp_path / "test_it.py"), "--delivery", "ads", f"--reports={tmp_path / 'first'}", "-n0")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    sections = {each["@type"].rpartition(".")[2]: each for each in json.loads(file.read_bytes())["configs"]}
    behind = [each["endpoint_config"] for each in sections["EndpointsConfigDump"]["dynamic_endpoint_configs"]]
    # It has no weights of localities, and says so in a way that no Envoy takes.
    assert {place["load_balancing_weight"] for each in behind for place in each["endpoints"]} == {0}

    again = checked(file, "--probes-per-route", "3")

    assert again.returncode == 0, again.stdout + again.stderr
    assert "does not take" not in again.stdout
    found = store.read(tmp_path / "reports/latest/results/new.json")
    assert found.checked is not msgspec.UNSET
    assert not found.checked.left_out
    reached = {each.name for each in found.checked.parts if each.probes}
    assert reached >= {each["cluster_name"] for each in behind}
