import json
import shutil
from pathlib import Path

import pytest

from takeover.scenario.library import Library
from takeover.scenario.loader import Scenario
from tests.probes.layers.peers import Files


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Scenario:
    """A gateway and a website that take TLS and PROXY headers, with certificates made anew."""
    folder = tmp_path_factory.mktemp("manifests") / "gateway"
    shutil.copytree(Path(__file__).parent / "gateway", folder)
    Files.made(folder)
    config = (folder / "envoy.yaml").read_text()
    for word, name in (("SERVER", "server"), ("AUTHORITY", "ca")):
        pem = json.dumps((folder / f"{name}.pem").read_text())
        config = config.replace(f"inline_string: {word}", f"inline_string: {pem}")
    (folder / "envoy.yaml").write_text(config)
    return Library(folder.parent).scenario("gateway")
