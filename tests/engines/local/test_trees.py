"""A machine that cannot have Debian's packages: containers see its own programs, and nothing else of it."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from takeover.base.errors import BadInputError
from takeover.engines import images
from takeover.engines.conformance.contract import crew_scenario, single
from takeover.engines.contract import Container, Engine
from takeover.engines.local import root_file_system, trees
from takeover.engines.local.engine import LocalEngine
from takeover.model.release import Release
from takeover.node import host
from takeover.scenario.edits import add, remove, replace
from takeover.scenario.loader import Scenario

ROOT = Path(__file__).parents[3]
NEEDED = ("unshare", "ldd", "chroot", "true", "newuidmap", "newgidmap")
BEFORE = [sys.executable, str(Path(__file__).with_name("in_user_namespace.py"))]
_MAIN = "$.spec.containers[0]"


def alone(*edits: object) -> Scenario:
    """One Pod with one container, of the image peers."""
    whole = [remove("Pod/app", "$.spec.initContainers"), replace("Pod/app", f"{_MAIN}.image", "envoy-takeover/peers")]
    return single([*whole, *edits])  # type: ignore[list-item]


@pytest.fixture(scope="module")
def machine() -> Iterator[Engine]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(root_file_system, "can_be_had", lambda: False)
        engine = LocalEngine({})
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def main(machine: Engine, envoy: Release) -> Iterator[Container]:
    aliases = [{"ip": "10.1.2.3", "hostnames": ["somebody.example"]}]
    user = {"runAsUser": 1337, "runAsGroup": 1337}
    edits = (add("Pod/app", "$.spec", "hostAliases", aliases), add("Pod/app", _MAIN, "securityContext", user))
    deployed = machine.deploy(alone(*edits), envoy)
    yield deployed.pod("app").container("main")
    deployed.delete()


def said(container: Container, *command: str) -> str:
    result = container.exec(command)
    return (result.stdout + result.stderr).decode()


@pytest.mark.parametrize(
    "around",
    [
        pytest.param([], id="as who runs this"),
        pytest.param(
            BEFORE,
            id="in a user namespace",
            marks=pytest.mark.skipif(not host.is_root(), reason="who is not root is in one already"),
        ),
    ],
)
def test_a_probed_scenario_needs_no_program_of_a_root_file_system(around: list[str], tmp_path: Path) -> None:
    """Envoy, an upstream and a control plane: with a cache that is empty, and a PATH without what others need."""
    (tmp_path / "bin").mkdir()
    for name in NEEDED:
        if (path := shutil.which(name, path=host.path_of_root())) is not None:
            (tmp_path / "bin" / name).symlink_to(path)
    scenario = ["--scenarios", str(ROOT / "manifests"), "--probes", "-m", "probes", "-k", "xds-reports and loads"]
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    environment = {
        "PATH": str(tmp_path / "bin"),
        "PYTHONPATH": str(ROOT),
        "HOME": str(tmp_path),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }
    ended = subprocess.run(
        [*around, sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-n0", "-c", "pytest.ini", *scenario],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
    )

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "root file system: none; containers see this machine's own programs" in ended.stdout
    assert re.search(r"= 1 passed", ended.stdout)
    assert not (tmp_path / "cache/envoy-takeover/lab").exists()


def test_containers_have_the_python_that_runs_this_and_its_packages(main: Container) -> None:
    program = "import sys; sys.path.append('/opt/takeover/packages'); import google.protobuf, grpc, yaml; "
    assert said(main, "python3", "-ESsB", "-c", f"{program}print(sys.version)") == f"{sys.version}\n"


def test_containers_see_nothing_else_of_the_machine_and_cannot_change_it(main: Container) -> None:
    for folder in ("/home", "/mnt", "/srv", "/var/log", "/tmp"):  # noqa: S108 - the container's own
        assert said(main, "sh", "-c", f"ls -A {folder} 2>/dev/null") == ""
    etc = {"group", "hostname", "hosts", "nsswitch.conf", "passwd", "resolv.conf", "ld.so.cache", "alternatives"}
    assert set(said(main, "ls", "/etc").split()) <= etc
    own = [each for each in (f"{sys.prefix}/pyvenv.cfg", str(ROOT / "pyproject.toml")) if Path(each).exists()]
    for each in own:
        assert "No such file" in said(main, "cat", each)
    read_only = [f"{folder}/new" for folder in ("/usr/bin", "/usr/lib", sysconfig.get_path("stdlib"))]
    for each in [*read_only, "/opt/takeover/packages/new"]:
        assert re.search("Read-only file system|Permission denied", said(main, "touch", each))
    mounts = said(main, "cat", "/proc/self/mounts").splitlines()
    bound = {line.split()[1]: line.split()[3].split(",") for line in mounts}
    assert {"ro", "nosuid", "nodev"} <= set(bound["/usr/bin"])


def test_names_of_the_pod_resolve(main: Container) -> None:
    assert "10.1.2.3" in said(
        main, "python3", "-ESs", "-c", "import socket; print(socket.gethostbyname('somebody.example'))"
    )
    with pytest.raises(OSError, match="connection to"):
        main.connect("somebody.example", 1, timeout=0.01)


def test_a_container_writes_in_a_layer_of_its_own(machine: Engine, envoy: Release) -> None:
    script = "import pathlib; pathlib.Path('/etc/new').write_text('x'); pathlib.Path('/usr/local/bin/new').touch()"
    deployed = machine.deploy(alone(), envoy)
    try:
        pod = deployed.pod("app")
        assert said(pod.container("main"), "python3", "-ESs", "-c", script) == ""
        assert said(pod.container("main"), "cat", "/etc/new") == "x"
        pod.restart()
        assert "No such file" in said(pod.container("main"), "cat", "/etc/new")
    finally:
        deployed.delete()


def test_an_image_that_needs_debians_packages_is_refused_by_its_place(machine: Engine, envoy: Release) -> None:
    with pytest.raises(
        BadInputError,
        match=r"pod\.yaml:\d+: .*image nginx:1\.18-alpine: .*nginx as Debian has it is missing: install mmdebstrap",
    ):
        machine.deploy(single([remove("Pod/app", "$.spec.initContainers")]), envoy)


@pytest.mark.parametrize(
    ("there", "scenario", "told"),
    [
        (
            (),
            "single",
            r"pod\.yaml:\d+: .*image bgiddings/iptables: .* and iptables is missing: install it, or mmdebstrap",
        ),
        (
            ("iptables",),
            "crew",
            r"\.yaml:\d+: .*Services: .* and iptables-restore is missing: install it, or mmdebstrap",
        ),
    ],
)
def test_what_needs_rules_is_refused_where_nothing_makes_them(
    there: tuple[str, ...],
    scenario: str,
    told: str,
    machine: Engine,
    envoy: Release,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(trees, "_has", lambda program: program in there)
    with pytest.raises(BadInputError, match=told):
        machine.deploy(single() if scenario == "single" else crew_scenario(), envoy)


def test_debians_packages_are_taken_where_they_can_be_had(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert root_file_system.can_be_had()
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(host, "path_of_root", lambda: os.environ["PATH"])
    assert root_file_system.can_be_had()  # one is there
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert not root_file_system.can_be_had()
    (tmp_path / "mmdebstrap").touch(0o755)
    assert root_file_system.can_be_had()


@pytest.mark.parametrize("rules", [True, False])
def test_none_is_built_for_what_needs_none(rules: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(host, "path_of_root", lambda: str(tmp_path))
    (tmp_path / "mmdebstrap").touch(0o755)
    monkeypatch.setattr(trees, "_has", lambda _: rules)
    monkeypatch.setenv(root_file_system.NOT_BUILT, "")
    trees.build_none()
    assert root_file_system.can_be_had()  # one is there
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert root_file_system.can_be_had() is not rules


def test_links_of_a_system_are_links_in_containers(tmp_path: Path) -> None:
    """As Fedora and Arch have them; what no system has to have may be missing."""
    for folder in ("usr/bin", "usr/lib", "usr/local/lib", "usr/share", "home", "opt"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/ld.so.cache").touch()
    given = {"bin": "usr/bin", "sbin": "usr/sbin", "lib64": "usr/lib64", "usr/sbin": "bin", "usr/lib64": "lib"}
    for link, target in given.items():
        (tmp_path / link).symlink_to(target)

    binds, links = trees._system(tmp_path)

    assert links == {f"/{link}": target for link, target in given.items()}
    bound = ("usr/bin", "usr/lib", "usr/local/lib", "usr/share", "etc/ld.so.cache")
    assert binds == {f"/{each}": str(tmp_path / each) for each in bound}


def test_packages_in_several_folders_are_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    places = {"h11": "pure", "grpc": "compiled"}
    monkeypatch.setattr(trees, "find_spec", lambda name: SimpleNamespace(origin=f"{tmp_path}/{places[name]}/x/y.py"))
    with pytest.raises(BadInputError, match=r"h11 and grpc, .* are in .*/compiled and .*/pure: install .* in a venv"):
        trees.Machine()


def test_every_role_that_needs_no_packages_is_played() -> None:
    lacking = {each.name for each in images.roles() if trees.Machine().lacks(each)}
    assert {images.NGINX} <= lacking <= {images.NGINX, images.IPTABLES}
