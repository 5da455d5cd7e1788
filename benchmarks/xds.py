"""How soon traffic follows a control plane, and what a thousand updates cost: `python -m benchmarks.xds`.

A route leads to and fro between two clusters. Time is that from before the publication until the first answer that
follows it: a client asks one request after the other, over one connection. Memory is the resident set of Envoy and of
the control plane.
"""

import argparse
import statistics
import time
from typing import Any

from fixtures.first_snapshot import ANOTHER_ROUTE, FIRST, PLAIN
from fixtures.updates import Regular, regular, resources
from takeover.engines import choose
from takeover.engines.choose import EngineOptions
from takeover.envoy.releases import resolve
from takeover.scenario.library import Library
from takeover.scene import Scene
from takeover.suite.control_plane import ControlPlane

_TIMED = 200
_UPDATES = 1000
_FIRST_MEMORY = 200
_REQUESTS = 5
"""For each of the thousand."""
_PROGRAMS = {"Envoy": ("gateway", "envoyproxy"), "control plane": ("control-plane", "control-plane")}


def main() -> None:
    """Deploys the scenario xds-under-traffic once, and prints the figures."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    engine, release = choose.engine(EngineOptions("local", {}), [], print), resolve(None)[0]
    try:
        scene = Scene.deploy(engine, release, Library.bundled().scenario("xds-under-traffic"))
        try:
            with ControlPlane(scene) as plane, regular(scene, PLAIN) as client:
                client.until(FIRST)
                _time(scene, plane, client)
                _load(scene, plane, client)
        finally:
            scene.close()
    finally:
        engine.close()


def _routes(scene: Scene) -> dict[str, list[Any]]:
    """Who answers → the routes by which that one does."""
    both = {"second 80": resources(scene, ANOTHER_ROUTE), FIRST: resources(scene)}
    return {by: [each for each in found if each.get("name") == "routes"] for by, found in both.items()}


def _time(scene: Scene, plane: ControlPlane, client: Regular) -> None:
    times = []
    for _ in range(_TIMED // 2):
        for by, routes in _routes(scene).items():
            begin = time.monotonic()
            plane.change(routes)
            while client.answers[-1].by != by:
                client.ask(1)
            times.append(1000 * (time.monotonic() - begin))
    median, last = statistics.median(times), statistics.quantiles(times, n=100)[98]
    print(f"a request follows an update after {median:.1f} ms (median of {_TIMED}; 99th percentile {last:.1f} ms)")


def _load(scene: Scene, plane: ControlPlane, client: Regular) -> None:
    client.answers.clear()
    routes, before = list(_routes(scene).values()), dict[str, int]()
    for number in range(1, _UPDATES + 1):
        version = plane.change(routes[number % 2])
        client.ask(_REQUESTS)
        if number == _FIRST_MEMORY:
            plane.acknowledged(version)
            before = _memory(scene)
    plane.acknowledged(version)
    lost = sum(each.by not in (FIRST, "second 80") for each in client.answers)
    print(f"{_UPDATES} updates, {len(client.answers)} requests meanwhile: {lost} lost")
    for name, now in _memory(scene).items():
        told = f"{before[name] / 1000:.1f} MB after {_FIRST_MEMORY}, {now / 1000:.1f} MB after {_UPDATES}"
        print(f"{name}: {told} ({now / before[name]:.3f})")


def _memory(scene: Scene) -> dict[str, int]:
    """Kilobytes of each program."""
    found = {}
    for name, (pod, container) in _PROGRAMS.items():
        status = scene.pod(pod).container(container).exec(["cat", "/proc/1/status"]).stdout.decode()
        line = next(each for each in status.splitlines() if each.startswith("VmRSS:"))
        found[name] = int(line.split()[1])
    return found


if __name__ == "__main__":
    main()
