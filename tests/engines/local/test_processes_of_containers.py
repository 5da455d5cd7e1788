"""What a container runs, as whom, and with which rights."""

from pathlib import Path
from typing import Any

import pytest

from takeover.engines.local import objects, parsing
from takeover.engines.local.inside import capabilities
from takeover.engines.local.inside.runtime import PATH, Image, Runtime, process_of
from takeover.engines.local.inside.tree import Tree
from takeover.node import kernel


def container(**spec: Any) -> objects.Container:
    whole = {"containers": [{"name": "main", "image": "nginx"} | spec]}
    pod = parsing.parse({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": whole})
    assert isinstance(pod, objects.Pod)
    return pod.spec.containers[0]


@pytest.mark.parametrize(
    ("spec", "program", "command"),
    [
        ({}, "", ["nginx", "-g"]),
        ({"args": ["a"]}, "", ["a"]),
        ({"command": ["c"]}, "envoy", ["c"]),
        ({"command": ["c"], "args": ["-a"]}, "envoy", ["c", "-a"]),
        ({"args": ["-c", "x"]}, "envoy", ["envoy", "-c", "x"]),
        ({"args": ["-c", "x"]}, "", ["-c", "x"]),
        ({"args": ["envoy", "-c"]}, "envoy", ["envoy", "-c"]),
    ],
)
def test_what_it_runs(spec: dict[str, Any], program: str, command: list[str]) -> None:
    assert Image(["nginx", "-g"], program).command_of(container(**spec)) == command


def test_its_process() -> None:
    main = container(
        env=[{"name": "A", "value": "b c"}, {"name": "EMPTY"}], securityContext={"runAsUser": 5, "runAsGroup": 6}
    )
    process = process_of(main, ["x", "y"])

    assert (process.uid, process.gid, process.args, process.folder) == (5, 6, ["x", "y"], "/")
    assert process.environment == {"PATH": PATH, "HOME": "/root", "A": "b c", "EMPTY": ""}


@pytest.mark.parametrize(("security", "is_root"), [({}, True), ({"runAsUser": 1}, False), ({"runAsGroup": 1}, True)])
def test_only_root_holds_its_capabilities(security: dict[str, Any], is_root: bool) -> None:
    main = container(securityContext=security)
    process = process_of(main, [])

    assert process.bounding == capabilities.bounding(main.security_context)
    assert process.held == (process.bounding if is_root else [])


@pytest.mark.parametrize(
    ("security", "has", "lacks"),
    [
        ({}, ["CHOWN", "NET_RAW"], ["NET_ADMIN", "SYS_ADMIN"]),
        ({"capabilities": {"add": ["NET_ADMIN"]}}, ["CHOWN", "NET_ADMIN"], ["SYS_ADMIN"]),
        ({"capabilities": {"drop": ["CHOWN"]}}, ["NET_RAW"], ["CHOWN", "NET_ADMIN"]),
        ({"capabilities": {"drop": ["ALL"], "add": ["NET_ADMIN"]}}, ["NET_ADMIN"], ["CHOWN", "NET_RAW"]),
        ({"capabilities": {"add": ["ALL"], "drop": ["CHOWN"]}}, ["SYS_NICE", "NET_ADMIN"], ["CHOWN", "SYS_ADMIN"]),
        ({"privileged": True}, ["SYS_PTRACE", "NET_ADMIN"], ["SYS_ADMIN", "MKNOD", "CHECKPOINT_RESTORE"]),
    ],
)
def test_which_capabilities_it_may_have(
    security: dict[str, Any], has: list[str], lacks: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pathlib.Path.read_text", lambda _: "Name:\tx\nCapPrm:\t0\nCapEff:\t000001ffffffffff\n")
    found = capabilities.bounding(container(securityContext=security).security_context)

    assert {f"CAP_{each}" for each in has} <= set(found)
    assert not {f"CAP_{each}" for each in lacks} & set(found)


def test_no_capability_is_given_that_we_do_not_have(monkeypatch: pytest.MonkeyPatch) -> None:
    chown, net_admin, nice = 0, 12, 23  # capabilities(7)
    ours = 1 << chown | 1 << net_admin | 1 << nice
    monkeypatch.setattr("pathlib.Path.read_text", lambda _: f"CapEff:\t{ours:016x}\n")

    everything = container(securityContext={"privileged": True}).security_context
    assert capabilities.bounding(everything) == ["CAP_CHOWN", "CAP_NET_ADMIN", "CAP_SYS_NICE"]
    assert capabilities.bounding(container().security_context) == ["CAP_CHOWN"]


def test_capabilities_have_the_kernels_numbers() -> None:
    assert capabilities.numbers(["CAP_CHOWN", "CAP_NET_ADMIN", "CAP_CHECKPOINT_RESTORE"]) == [0, 12, 40]


def test_its_root_is_a_layer_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounted: list[tuple[object, ...]] = []
    monkeypatch.setattr(kernel, "mount", lambda *what: mounted.append(what))
    runtime = Runtime(tmp_path, Tree(tmp_path / "tree", None))
    root = runtime.prepare("1-main", container(), Image(["nginx"]), Path("/netns/1"), "pod", [])

    bundle = tmp_path / "bundles" / "1-main"
    assert root == runtime.root_of("1-main") == bundle / "root"
    [(*mount, options)] = mounted
    assert mount == ["overlay", root, "overlay", kernel.NO_DEV]
    assert options == f"lowerdir=/root-file-system,upperdir={bundle}/upper,workdir={bundle}/work"
    assert runtime.pid("1-main") is None
    runtime.forget("1-main")
    assert runtime.pid("1-main") is None
