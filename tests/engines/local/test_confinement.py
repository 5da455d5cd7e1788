"""What a scenario cannot reach, whatever its manifests say: the machine."""

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from takeover.base.errors import BadInputError, TakeoverError
from takeover.engines.conformance.contract import single
from takeover.engines.contract import Container, Deployment, Engine
from takeover.evidence.quiescence import waited_for
from takeover.model.json import JsonObject
from takeover.model.release import Release
from takeover.node.processes import descendants
from takeover.node.root import DEVICES
from takeover.scenario.edits import add, replace
from takeover.scenario.loader import Scenario

_MADE_HERE = {"tmpfs", "proc", "overlay", "cgroup2", "nsfs"}


def with_security_context(context: JsonObject) -> Scenario:
    return single([add("Pod/app", "$.spec.containers[0]", "securityContext", context)])


@pytest.fixture(scope="module", params=["with defaults", "privileged", "with all capabilities"])
def deployment(request: pytest.FixtureRequest, engine: Engine, envoy: Release) -> Iterator[Deployment]:
    contexts: dict[str, JsonObject] = {
        "with defaults": {},
        "privileged": {"privileged": True},
        "with all capabilities": {"capabilities": {"add": ["ALL"]}},
    }
    deployed = engine.deploy(with_security_context(contexts[request.param]), envoy)
    yield deployed
    deployed.delete()


@pytest.fixture
def main(deployment: Deployment) -> Container:
    return deployment.pod("app").container("main")


def said(container: Container, script: str) -> str:
    result = container.exec(["sh", "-c", script])
    return (result.stdout + result.stderr).decode()


def mounts(pid: int | str, text: str = "") -> dict[str, tuple[set[str], str]]:
    """Path → the options of what is mounted there last, and the type of its file system."""
    lines = (text or Path(f"/proc/{pid}/mountinfo").read_text()).splitlines()
    found = {}
    for line in lines:
        fields, _, kind = line.partition(" - ")
        found[fields.split()[4]] = (set(fields.split()[5].split(",")), kind.split()[0])
    return found


def nodes_processes() -> Iterator[tuple[int, str]]:
    """The processes of this process's nodes, by this machine's numbers, and the root that each of them has.

    Those of containers are in a namespace more.
    """
    for pid in descendants(os.getpid()):
        with contextlib.suppress(OSError):  # it has ended
            numbers = re.search(r"^NSpid:\t(.*)$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
            if numbers and len(numbers[1].split()) == 2:
                yield pid, str(Path(f"/proc/{pid}/root").readlink())


@pytest.mark.usefixtures("main")
def test_a_node_sees_nothing_of_the_machine_but_what_it_needs_and_cannot_change_that(tmp_path: Path) -> None:
    seen = 0
    for pid in [pid for pid, root in nodes_processes() if root == "/"]:
        with contextlib.suppress(OSError):  # it has ended, as a probe's command does
            sees_what_it_needs_alone(pid, tmp_path)
            seen += 1
    assert seen >= 2


def sees_what_it_needs_alone(pid: int, tmp_path: Path) -> None:
    for hidden in ("home", "root/.cache", "srv", "var", "boot", "etc/passwd", f"{tmp_path}"[1:]):
        assert not Path(f"/proc/{pid}/root/{hidden}").exists()
    # The node may be about to run something.
    assert not waited_for(lambda: " ".join(map(str, Path(f"/proc/{pid}/root/tmp").iterdir())), 10)
    assert not Path(f"/proc/{pid}/cwd{tmp_path}").exists()
    of_machine = {path: each for path, each in mounts(pid).items() if each[1] not in _MADE_HERE}
    assert {"/root-file-system", "/envoy"} <= of_machine.keys()
    assert [path for path, (options, _) in of_machine.items() if "ro" not in options] == []


def test_no_device_works_in_a_container_but_the_few_that_every_one_has(main: Container) -> None:
    devices = {f"/dev/{name}" for name in DEVICES}
    # What is read-only of proc and what hides a part of it is no place for a device.
    there = mounts("", said(main, "cat /proc/self/mountinfo"))
    working = {path for path, (options, _) in there.items() if "nodev" not in options and not path.startswith("/proc/")}
    assert working == devices & there.keys()
    assert said(main, "find / -xdev -type b -o -xdev -type c") == ""

    for folder in ("/", "/dev", "/dev/shm", "/tmp"):  # noqa: S108 - the container's own
        assert "not permitted" in said(main, f"mknod {folder}/disk b 254 0")
    assert "rm: " in said(main, "rm -f /dev/null")
    for change in ("chmod 600 /dev/null", "chown 5 /dev/zero"):
        assert re.search("Read-only|not permitted", said(main, change))


def test_the_kernels_settings_cannot_be_read_or_changed_through_proc(main: Container) -> None:
    assert said(main, "cat /proc/keys /proc/timer_list /proc/interrupts; ls -A /proc/acpi") == ""
    for path in ("/proc/sys/kernel/core_pattern", "/proc/sys/vm/swappiness", "/proc/sys/fs/file-max"):
        assert "Read-only" in said(main, f"echo 1 >{path}")
    assert "mount" in said(main, "mount -t tmpfs none /mnt")
    assert "mount" in said(main, "umount /proc/sys")


def test_a_privileged_container_may_change_its_pods_network(engine: Engine, envoy: Release) -> None:
    deployment = engine.deploy(
        single([add("Pod/app", "$.spec.containers[0]", "securityContext", {"privileged": True})]), envoy
    )
    try:
        main = deployment.pod("app").container("main")
        setting = "/proc/sys/net/ipv4/ip_unprivileged_port_start"
        assert said(main, f"echo 80 >{setting}; cat {setting}; iptables -t nat -N NEW; iptables -t nat -S NEW") == (
            "80\n-N NEW\n"
        )
    finally:
        deployment.delete()


def test_capabilities_that_reach_beyond_the_node_are_refused_by_their_place(engine: Engine, envoy: Release) -> None:
    wanted = {"capabilities": {"add": ["NET_ADMIN", "SYS_ADMIN", "MKNOD"]}}
    with pytest.raises(BadInputError, match=r"pod\.yaml:\d+: .*no container MKNOD, SYS_ADMIN: it would reach beyond"):
        engine.deploy(with_security_context(wanted), envoy)


def test_a_part_of_a_volume_is_no_way_out_of_it(engine: Engine, envoy: Release) -> None:
    """An init container puts a link in its place before the one starts that mounts it."""
    volumes = [{"name": "v", "emptyDir": {}}]
    script = "cd /v && mv part away && mv file gone && ln -s / part && ln -s /etc file"
    edits = [
        add("Pod/app", "$.spec", "volumes", volumes),
        add("Pod/app", "$.spec.initContainers[0]", "volumeMounts", [{"name": "v", "mountPath": "/v"}]),
        replace("Pod/app", "$.spec.initContainers[0].command", ["sh", "-c", script]),
        add(
            "Pod/app",
            "$.spec.containers[0]",
            "volumeMounts",
            [{"name": "v", "mountPath": f"/{each}", "subPath": each} for each in ("part", "file")],
        ),
    ]
    deployment = engine.deploy(single(edits), envoy)
    try:
        main = deployment.pod("app").container("main")
        assert said(main, "ls -A /part /file") == "/file:\n\n/part:\n"
        deployment.pod("app").restart()
        assert said(deployment.pod("app").container("main"), "ls -A /part") == ""
    finally:
        deployment.delete()


def test_who_opens_connections_from_a_container_has_no_rights(main: Container) -> None:
    with pytest.raises(OSError):  # noqa: PT011 - no port listens there; who was asked stays
        main.connect("127.0.0.1", 9)
    seen = 0
    for pid in [pid for pid, root in nodes_processes() if "/bundles/" in root]:
        with contextlib.suppress(OSError):  # it has ended
            held = re.findall(r"^Cap(?:Prm|Eff|Bnd):\t(\w+)$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
            assert [int(each, 16) for each in held] == [0, 0, 0]
            assert Path(f"/proc/{pid}/cwd").readlink() == Path(f"/proc/{pid}/root").readlink()
            seen += 1
    assert seen


@pytest.mark.parametrize("way", ["", "../../../../../../../.."], ids=["absolute", "relative"])
def test_no_name_in_a_manifest_means_a_path_of_this_machine(
    engine: Engine, envoy: Release, tmp_path: Path, way: str
) -> None:
    owned = f"{way}{tmp_path}/owned"
    volumes = [{"name": "written", "configMap": {"name": "envoyconfig"}}, {"name": owned, "emptyDir": {}}]
    mounts = [{"name": each["name"], "mountPath": f"/volume-{number}"} for number, each in enumerate(volumes)]
    edits = [
        add("ConfigMap/envoyconfig", "$.data", owned, "owned"),
        add("Pod/app", "$.spec", "volumes", volumes),
        add("Pod/app", "$.spec.containers[0]", "volumeMounts", mounts),
        replace("Pod/app", "$.spec.initContainers[0].name", owned),
    ]
    for each in (edits, edits[:1] + edits[1:3], edits[3:]):
        with contextlib.suppress(TakeoverError):  # it may well be refused
            engine.deploy(single(each), envoy).delete()
    assert list(tmp_path.iterdir()) == []
