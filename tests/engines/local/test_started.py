"""Processes in containers: where they are, as whom, with what of the node's; how their end is told."""

import fcntl
import os
import resource
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from takeover.base.errors import DeploymentError
from takeover.engines.conformance.contract import single
from takeover.engines.contract import Container, Deployment, Engine
from takeover.engines.local.inside.started import Started
from takeover.model.release import Release
from takeover.scenario.edits import add, replace

_MANY = 1500
_MAIN = "$.spec.containers[0]"
_IDENTITY = "^(SigBlk|SigIgn|NoNewPrivs|Uid|Gid|Groups|CapPrm|CapEff|CapInh|CapAmb)"


@pytest.fixture(scope="module")
def deployment(engine: Engine, envoy: Release) -> Iterator[Deployment]:
    security = {"runAsUser": 1337, "runAsGroup": 7, "allowPrivilegeEscalation": False}
    volumes = [{"name": "written", "emptyDir": {}}, {"name": "read", "configMap": {"name": "envoyconfig"}}]
    mounts = [{"name": each["name"], "mountPath": f"/deep/{each['name']}"} for each in volumes]
    edits = [
        add("Pod/app", "$.spec", "volumes", volumes),
        add("Pod/app", "$.spec", "securityContext", {"supplementalGroups": [8, 9]}),
        add("Pod/app", _MAIN, "volumeMounts", mounts),
        add("Pod/app", _MAIN, "securityContext", security),
        add("Pod/app", _MAIN, "workingDir", "/work/here"),
        replace("Pod/app", f"{_MAIN}.image", "envoyproxy/envoy:v1"),
    ]
    deployed = engine.deploy(single(edits), envoy)
    yield deployed
    deployed.delete()


@pytest.fixture
def main(deployment: Deployment) -> Container:
    return deployment.pod("app").container("main")


def said(container: Container, script: str) -> str:
    result = container.exec(["sh", "-c", script])
    return (result.stdout + result.stderr).decode()


@pytest.mark.parametrize("process", ["1", "self"], ids=["the first", "one that was added"])
def test_who_it_is(main: Container, process: str) -> None:
    told = dict(
        line.split(":\t", 1) for line in said(main, f"grep -E '{_IDENTITY}' /proc/{process}/status").splitlines()
    )

    assert told["Uid"].split() == ["1337"] * 4
    assert told["Gid"].split() == ["7"] * 4
    assert told["Groups"].split() == ["8", "9"]
    assert told["NoNewPrivs"] == "1"
    none = ("SigBlk", "SigIgn", "CapInh", "CapPrm", "CapEff", "CapAmb")
    assert {name: int(told[name], 16) for name in none} == dict.fromkeys(none, 0)


def test_it_has_none_of_the_nodes_files_and_processes(main: Container) -> None:
    assert said(main, "ls /proc/self/fd").split() == ["0", "1", "2", "3"]  # the last is that of the list
    assert said(main, "cat /proc/1/comm; hostname; pwd") == "sleep\napp\n/work/here\n"
    first, added = (said(main, f"cut -d ' ' -f 6 /proc/{each}/stat") for each in ("1", "self"))
    assert first == "1\n"  # its session is its own
    assert int(added) > 1
    for kind in ("pid", "mnt", "ipc", "uts", "net"):
        there, here = said(main, f"readlink /proc/self/ns/{kind}"), str(Path("/proc/self/ns", kind).readlink())
        assert there.startswith(f"{kind}:[")
        assert there.strip() != here


def test_what_it_may_write(main: Container) -> None:
    assert said(main, "echo x >/deep/written/file && cat /deep/written/file") == "x\n"
    for file in ("/deep/read/envoy.yaml", "/usr/local/bin/envoy"):
        assert "Read-only file system" in said(main, f"echo x >{file}")
    assert "envoy" in said(main, "envoy --version")
    assert said(main, "readlink /dev/fd /dev/stdout") == "/proc/self/fd\n/proc/self/fd/1\n"


def test_what_cannot_run_is_told_in_its_log(engine: Engine, envoy: Release) -> None:
    with pytest.raises(DeploymentError, match=r"code 1; it said: takeover: cannot run nothing-here: No such file"):
        engine.deploy(single([replace("Pod/app", f"{_MAIN}.command", ["nothing-here"])]), envoy)


def test_a_command_that_cannot_run_is_told_on_its_stderr(main: Container) -> None:
    result = main.exec(["nothing-here"])
    assert (result.exit_code, result.stdout) == (1, b"")
    assert result.stderr == b"takeover: cannot run nothing-here: No such file or directory\n"


def test_it_is_waited_for_whatever_number_its_file_has() -> None:
    """select(2) takes none above 1023."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most[1] != resource.RLIM_INFINITY and most[1] < _MANY + 1:
        pytest.skip("this machine lets nobody have so many files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(most[0], _MANY + 1), most[1]))
    try:
        ours, theirs = os.pipe()
        high = fcntl.fcntl(ours, fcntl.F_DUPFD_CLOEXEC, _MANY)
        os.close(ours)
        process = Started(os.getpid(), high, None)
        assert not process.runs
        os.close(theirs)
        assert process.runs
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, most)


def test_its_end_is_told_as_a_popen_tells_it() -> None:
    pid = os.fork()
    if pid == 0:
        signal.pause()
        os._exit(0)
    process = Started(pid, -1, None)
    assert process.runs
    assert process.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0)
    process.kill()
    assert process.wait(60) == process.poll() == process.wait() == -signal.SIGKILL
    process.kill()  # of one that has ended, another process may have the number
