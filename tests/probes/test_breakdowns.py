"""An Envoy that ends or hangs under a probe: what was observed until then is told, and the group goes on."""

import dataclasses
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec import UNSET

from takeover.envoy import used_stats
from takeover.model.document import Breakdown, Observation, ProbeResult
from takeover.probes import stretch
from takeover.probes.observing import NotObservedError, Observer
from takeover.probes.probe import Group, Place
from takeover.probes.probe_file import read_probes
from takeover.probes.stretch import Observed, Stretch
from takeover.scenario.library import Library
from takeover.scene import Scene
from tests.copied import copy_manifests

PROBES = """\
- group: small
  why: Envoy does what the path says
  bases: [hostile]
  edits:
  - in: envoy.yaml
    replace: $.static_resources.clusters[0].load_assignment..socket_address.address
    with: {cluster_ip: hostile/upstream}
  - in: envoy.yaml
    replace: $.static_resources.listeners[0].filter_chains[0].filters[0].typed_config.http_filters
    with:
    - name: envoy.filters.http.lua
      typed_config:
        "@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua
        default_source_code:
          inline_string: |
            function envoy_on_request(handle)
              local path = handle:headers():get(":path")
              if path == "/exit" then os.exit(7) end
              if path == "/crash" then local ffi = require("ffi"); ffi.cast("int *", 0)[0] = 1 end
              if path == "/loop" then while true do end end
            end
    - name: envoy.filters.http.router
      typed_config:
        "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
  from: client/client
  to: {pod: envoy-traffic-mock, port: 80}
  probes:
  - {name: get}
  - {name: quit, method: POST, path: /quitquitquit, to: {pod: envoy-traffic-mock, port: 15000}}
  - {name: exit, path: /exit}
  - {name: crash, path: /crash}
  - {name: loop, path: /loop, within: 0.5}
  - {name: get-again}
"""
ENVOY = "envoy-traffic-mock/envoyproxy"

Deploy = Callable[..., Scene]


@pytest.fixture(scope="module")
def group(tmp_path_factory: pytest.TempPathFactory) -> Group:
    library = copy_manifests(tmp_path_factory.mktemp("library") / "manifests", "inbound-interception")
    (library / "inbound-interception" / "probes.yaml").write_text(PROBES)
    (found,) = read_probes(Library(library).scenario("inbound-interception"))
    return found


def only(group: Group, *names: str) -> Group:
    chosen = {each.name: each for each in group.probes}
    return dataclasses.replace(group, probes=tuple(chosen[name] for name in names))


def by_name(results: list[ProbeResult]) -> dict[str, Observation]:
    return {each.probe.removeprefix("small/"): each.observation for each in results}


def broken(observation: Observation) -> Breakdown:
    assert observation.breakdown is not UNSET
    return observation.breakdown


def test_an_envoy_that_ends_loses_no_observation(group: Group, deploy: Deploy) -> None:
    group = only(group, "get", "quit", "exit", "crash", "get-again")
    scene = deploy(group)
    address = scene.envoy_pod.ip
    observed = by_name(Observer(scene, group).observe())

    assert list(observed) == [each.name for each in group.probes]
    assert (broken(observed["quit"]).envoy, str(broken(observed["quit"]))) == (ENVOY, "ends with exit code 0")
    assert (observed["quit"].status, observed["quit"].body) == (200, "OK\n")  # what came until then
    assert str(broken(observed["exit"])) == "ends with exit code 7"
    assert str(broken(observed["crash"])) == "ends with signal 11 (SIGSEGV)"
    assert "Caught Segmentation fault" in "\n".join(broken(observed["crash"]).log)
    assert not any("initializing" in line for line in broken(observed["crash"]).log)  # that was before the probe
    assert observed["get"].breakdown is UNSET
    assert observed["get"] == observed["get-again"]  # also its own address, which is another one now
    assert address != scene.envoy_pod.ip
    assert address not in repr(observed)


def test_an_envoy_whose_worker_does_not_go_on_hangs(
    group: Group, deploy: Deploy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stretch, "DEADLINE", 5.0)
    group = only(group, "loop", "get-again")
    observed = by_name(Observer(deploy(group), group).observe())

    assert str(broken(observed["loop"])) == "hangs"
    assert broken(observed["loop"]).why == (
        "a worker of Envoy does not go on; after 5 s: Envoy has 1 connections with clients"
    )
    assert (observed["loop"].status, observed["loop"].end) == (None, "open")
    assert observed["get-again"].status == 200


def test_an_envoy_that_is_stopped_hangs(group: Group, deploy: Deploy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(used_stats, "DEADLINE", 5.0)
    group = only(group, "get", "get-again")
    scene = deploy(group)
    converse = Stretch._converse

    def stopped(self: Stretch, observed: Observed) -> str:
        if observed.probe.name == "get":
            os.kill(_first_process(scene), signal.SIGSTOP)
        return converse(self, observed)

    monkeypatch.setattr(Stretch, "_converse", stopped)
    observed = by_name(Observer(scene, group).observe())

    assert (str(broken(observed["get"])), broken(observed["get"]).exit_code) == ("hangs", None)
    assert broken(observed["get"]).why == "Envoy's admin API says nothing for 5 s"
    assert observed["get"].status is None
    assert observed["get-again"].status == 200


def _first_process(scene: Scene) -> int:
    """Envoy's own, as this machine numbers it: from within its PID namespace nobody could stop it."""
    words = scene.envoy_pod.how_to_enter("envoyproxy").split()
    return int(words[words.index("--target") + 1])


def test_what_cannot_be_observed_is_a_line_and_hides_no_other_probe(group: Group, deploy: Deploy) -> None:
    group = only(group, "get", "get-again")
    get = group.probes[0]
    nowhere = dataclasses.replace(get, name="nowhere", to=Place("host", "no.such.host", 80))
    group = dataclasses.replace(group, probes=(group.probes[0], nowhere, group.probes[1]))
    observer = Observer(deploy(group), group)
    with pytest.raises(NotObservedError) as caught:
        observer.observe()

    assert [each.probe for each in observer.results] == ["small/get", "small/get-again"]
    assert str(caught.value).startswith(f"the probe nowhere ({nowhere.where}) of inbound-interception small: no.such")
    assert "\n" not in str(caught.value)


TWO = """\
- group: both
  why: the second Envoy is asked to end
  from: client/client
  to: {pod: envoy-traffic-mock, port: 80}
  probes:
  - {name: quit, method: POST, path: /quitquitquit, to: {pod: second, port: 15000}}
  - {name: second, to: {pod: second, port: 15000}, path: /ready}
"""


def test_another_envoy_of_the_scenario_that_ends_is_told_and_made_anew(tmp_path: Path, deploy: Deploy) -> None:
    folder = copy_manifests(tmp_path / "manifests", "inbound-interception") / "inbound-interception"
    (folder / "probes.yaml").write_text(TWO)
    about = folder / "scenario.yaml"
    first = "- {pod: envoy-traffic-mock, container: envoyproxy}\n"
    about.write_text(about.read_text().replace(first, f"{first}- {{pod: second, container: envoyproxy}}\n"))
    pod = (
        (folder / "pod.yaml")
        .read_text()
        .replace("name: envoy-traffic-mock", "name: second")
        .replace("app: envoy", "app: x")
    )
    (folder / "second.yaml").write_text(pod)
    kustomization = folder / "kustomization.yaml"
    kustomization.write_text(kustomization.read_text().replace("- pod.yaml", "- pod.yaml\n- second.yaml"))
    scenario = Library(tmp_path / "manifests").scenario("inbound-interception")
    [group] = read_probes(scenario)
    quitting, second = (each.observation for each in Observer(deploy(group, scenario), group).observe())

    assert (broken(quitting).envoy, str(broken(quitting))) == ("second/envoyproxy", "ends with exit code 0")
    assert (second.status, second.body, second.breakdown) == (200, "LIVE\n", UNSET)
