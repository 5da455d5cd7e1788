"""A run of the local engine for tests to watch and to kill.

Deploys the scenario of the folder that is the argument; says `{"config_id": …, "seen": …}` when it is Ready (`seen`:
what its own Envoy runs with); removes it when a line comes in.
"""

import contextlib
import json
import sys
from pathlib import Path

from takeover.engines.local.engine import LocalEngine
from takeover.envoy.releases import resolve
from takeover.net import http
from takeover.scenario.library import Library


def main() -> None:
    engine, folder = LocalEngine({}), Path(sys.argv[1]).resolve()
    deployment = engine.deploy(Library(folder.parent).scenario(folder.name), resolve(None)[0])
    pod = deployment.pod("tools")
    with contextlib.closing(http.client(lambda *_: pod.forward(9901), base_url="http://envoy")) as client:
        seen = client.get("/server_info").json()["node"]["id"]
    sys.stdout.write(json.dumps({"config_id": deployment.config_id, "seen": seen}) + "\n")
    sys.stdout.flush()
    sys.stdin.readline()
    deployment.delete()
    engine.close()


main()
