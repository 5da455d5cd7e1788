"""A scene whose Envoys get their configuration by xDS: ready when they have it, and seen alike by its witnesses."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from takeover.base.errors import DeploymentError
from takeover.engines import choose
from takeover.engines.contract import Engine
from takeover.envoy.releases import resolve
from takeover.model.release import Release
from takeover.scenario.delivery import Delivery
from takeover.scenario.edits import Edit, add, replace
from takeover.scenario.library import Library
from takeover.scene import Scene
from tests.scene.test_scene import FILES

Deploy = Callable[..., Scene]


@pytest.fixture(scope="module")
def release() -> Release:
    return resolve(None)[0]


@pytest.fixture(scope="module")
def engine(release: Release) -> Iterator[Engine]:
    with contextlib.closing(choose.engine(choose.EngineOptions("local", {}), [release], lambda _: None)) as engine:
        yield engine


@pytest.fixture
def deploy(engine: Engine, release: Release, tmp_path: Path) -> Iterator[Deploy]:
    (tmp_path / "demo").mkdir()
    for name, text in FILES.items():
        (tmp_path / "demo" / name).write_text(text)
    with contextlib.ExitStack() as stack:

        def deployed(delivery: Delivery, *edits: Edit) -> Scene:
            scenario = Library(tmp_path, delivery).scenario("demo").edited(edits)
            return stack.enter_context(contextlib.closing(Scene.deploy(engine, release, scenario)))

        yield deployed


@pytest.mark.parametrize("delivery", ["file", "ads", "delta-ads"])
def test_two_envoys_get_each_its_own_and_witness_the_same(deploy: Deploy, delivery: Delivery) -> None:
    traces, moved = {}, {}
    for each in ("static", delivery):
        scene = deploy(each)
        with scene.watched() as observed:
            assert scene.ask("front", "http://127.0.0.1:8080/", "shop").status_code == 200
        traces[each] = observed.trace
        moved[each] = [observed.of(f"front/{name}").moved for name in ("outer", "inner")]
    assert traces[delivery] == traces["static"]
    assert moved[delivery] == moved["static"]
    for place in scene.envoys:
        assert scene.admin_of(place).stats("^listener_manager.lds.update_success$").popitem()[1] == 1


@pytest.mark.parametrize("delivery", ["file", "ads", "delta-ads"])
def test_what_is_replaced_is_there_after_a_restart(deploy: Deploy, delivery: Delivery) -> None:
    scene = deploy(delivery)
    listener = "$.static_resources.listeners[0]"
    other = replace("outer.yaml", f"{listener}.filter_chains[0].filters[0].typed_config.stat_prefix", "replaced")
    scene.replace_config("demo", [other])
    assert not scene.envoy.stats(r"^http\.replaced\.downstream_rq_total$")
    scene.restart("front")
    with scene.watched() as observed:
        assert scene.ask("front", "http://127.0.0.1:8080/", "shop").status_code == 200
    assert "http front/outer replaced" in observed.trace


@pytest.mark.parametrize("delivery", ["static", "file", "ads", "delta-ads"])
def test_a_route_to_no_cluster_is_a_fault_of_a_static_table_and_an_answer_by_rds(
    deploy: Deploy, delivery: Delivery
) -> None:
    """What docs/delivery.md tells of `validate_clusters`."""
    route = "$.static_resources.listeners[0].filter_chains[0].filters[0].typed_config.route_config..route.cluster"
    edit = replace("outer.yaml", route, "nowhere")
    if delivery == "static":
        with pytest.raises(DeploymentError, match="unknown cluster 'nowhere'"):
            deploy(delivery, edit)
        return
    scene = deploy(delivery, edit)
    with scene.watched() as observed:
        assert scene.ask("front", "http://127.0.0.1:8080/", "shop").status_code == 503
    assert observed.envoy.flags == "NC"


@pytest.mark.parametrize("delivery", ["ads", "delta-ads"])
@pytest.mark.parametrize(
    ("edit", "what"),
    [
        # What the protos know, Envoy alone can refuse; what they do not, the control plane refuses.
        (
            replace("inner.yaml", "$.static_resources.listeners[0].address.socket_address.address", "no-address"),
            "malformed IP address: no-address",
        ),
        (add("inner.yaml", "$.static_resources.listeners[0]", "nonsense", 1), "nonsense"),
    ],
)
def test_what_is_not_taken_fails_the_deployment(deploy: Deploy, delivery: Delivery, edit: Edit, what: str) -> None:
    with pytest.raises(DeploymentError) as caught:
        deploy(delivery, edit)
    assert what in str(caught.value)
