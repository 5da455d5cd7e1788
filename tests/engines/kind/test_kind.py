"""The kind engine: without Docker or kind, and for real where TAKEOVER_TEST_KIND_IMAGE names a node image."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from takeover.base.errors import BadInputError, TakeoverError
from takeover.engines.kind import cluster
from takeover.engines.kind.cluster import KindOptions, OwnCluster

ROOT = Path(__file__).parents[3]
IMAGE = os.environ.get("TAKEOVER_TEST_KIND_IMAGE")
SUITE = "suites/inbound/test_interception.py"

real = pytest.mark.skipif(not IMAGE, reason="no kind here: set TAKEOVER_TEST_KIND_IMAGE to a node image")


def command(*options: str) -> list[str]:
    image = ["--kind-image", IMAGE] if IMAGE else []
    return [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", SUITE, "--engine", "kind", *image, *options]


def run(*options: str, path: str | None = None, **variables: str) -> "subprocess.CompletedProcess[str]":
    environment = os.environ | variables | ({} if path is None else {"PATH": path})
    return subprocess.run(
        command(*options), cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600, check=False
    )


def refusal(result: "subprocess.CompletedProcess[str]") -> str:
    """The one line that a run ends with when it refuses its input."""
    assert result.returncode == 4, result.stdout
    assert "Traceback" not in result.stdout + result.stderr
    lines = [line for line in result.stderr.splitlines() if line]
    assert len(lines) == 1
    return lines[0]


@pytest.fixture
def programs(tmp_path: Path) -> Callable[..., str]:
    """Makes a PATH with a few programs of our own: NAME="shell script"."""

    def make(**scripts: str) -> str:
        for name, script in scripts.items():
            (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
            (tmp_path / name).chmod(0o755)
        return str(tmp_path)

    return make


def test_without_docker_the_other_engines_are_named(programs: Callable[..., str]) -> None:
    told = refusal(run(path=programs()))

    assert "--engine kind needs docker, and there is no program docker here" in told
    assert "--engine local" in told
    assert "--engine kubernetes" in told


def test_a_docker_that_does_not_answer_is_told_with_its_words(programs: Callable[..., str]) -> None:
    told = refusal(run(path=programs(docker="echo 'Is the daemon running?' >&2; exit 1")))

    assert "docker, which does not answer (Is the daemon running?)" in told


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--kind-bin", "/nonexistent/kind"), "--kind-bin /nonexistent/kind: there is no such program"),
        (("--kind-bin", "/bin/false"), "false get clusters: no message"),
        (("--cluster-name", "a/b"), "--cluster-name 'a/b' is no name for a kind cluster"),
        (("--image", "nothing=a:b"), "no image role 'nothing'; there are nginx, iptables, envoy, relay"),
    ],
)
def test_bad_options(programs: Callable[..., str], options: tuple[str, ...], told: str) -> None:
    # A Docker that answers is all that these need of it.
    assert told in refusal(run(*options, path=programs(docker="exit 0") + ":/bin:/usr/bin"))


def own_cluster(monkeypatch: pytest.MonkeyPatch, path: str, kubeconfig: str | None = None) -> OwnCluster:
    monkeypatch.setenv("PATH", f"{path}:/bin:/usr/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", path)
    monkeypatch.chdir(path)
    return OwnCluster(KindOptions("name", False, None, None, None, kubeconfig), print)


def test_a_folder_that_cannot_be_made_is_told(
    programs: Callable[..., str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".pytest-kind").touch()
    with pytest.raises(BadInputError, match=r"cannot make its folder .*/\.pytest-kind/name \(.*\): run it where"):
        own_cluster(monkeypatch, programs(docker="exit 0", kind="exit 0"))


@pytest.mark.parametrize("name", [".", "nowhere/config"])
def test_a_kubeconfig_that_kind_cannot_write_is_told(
    programs: Callable[..., str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    with pytest.raises(BadInputError, match=r"--kubeconfig .*: kind cannot write to that: name a file"):
        own_cluster(monkeypatch, programs(docker="exit 0", kind="exit 0"), name)


@pytest.mark.parametrize(
    ("scripts", "told"),
    [
        ({"docker": "exec sleep 600", "kind": "exit 0"}, r"docker, which does not answer \(not in 0\.5 s\)"),
        ({"docker": "exit 0", "kind": "exec sleep 600"}, r"kind get clusters: no answer in 0\.5 s"),
    ],
)
def test_a_daemon_that_hangs_is_not_waited_for_for_ever(
    programs: Callable[..., str], monkeypatch: pytest.MonkeyPatch, scripts: dict[str, str], told: str
) -> None:
    monkeypatch.setattr(cluster, "_ANSWER_TIMEOUT", 0.5)
    with pytest.raises(TakeoverError, match=told):
        own_cluster(monkeypatch, programs(**scripts))


def test_where_kind_cannot_be_downloaded_that_is_told(programs: Callable[..., str], tmp_path: Path) -> None:
    result = run(
        "--cluster-name", tmp_path.name, path=programs(docker="exit 0"), KIND_DOWNLOAD_URL="http://127.0.0.1:9/"
    )
    shutil.rmtree(ROOT / ".pytest-kind" / tmp_path.name)

    assert "no program kind on PATH, and it cannot be downloaded" in refusal(result)


@pytest.fixture
def name(worker_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Of the cluster that a test makes: tests at one time have each their own, and records of their own of it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return f"takeover-test-{worker_id}"


@pytest.fixture
def kind(name: str, tmp_path: Path) -> Callable[[str], bool]:
    """Does the one thing or other with that cluster, as its user; returns whether it succeeded.

    The kubeconfig is the test's own: two that write to one at a time refuse each other.
    """

    def do(what: str) -> bool:
        command = ["kind", what, "cluster", "--name", name, "--kubeconfig", str(tmp_path / "kubeconfig")]
        image = ["--image", str(IMAGE)] if what == "create" else []
        return subprocess.run([*command, *image], check=False, capture_output=True).returncode == 0

    return do


@pytest.fixture
def kept(request: pytest.FixtureRequest) -> Iterator[str]:
    """A cluster of its user's: that which TAKEOVER_TEST_KIND_CLUSTER names, or one for the test."""
    if there := os.environ.get("TAKEOVER_TEST_KIND_CLUSTER"):
        yield there
        return
    kind = request.getfixturevalue("kind")
    assert kind("create")
    yield request.getfixturevalue("name")
    assert kind("delete")


def clusters() -> list[str]:
    return subprocess.run(["kind", "get", "clusters"], check=True, capture_output=True, text=True).stdout.split()


def until(condition: Callable[[], bool], deadline: float) -> None:
    """Waits until it holds; tenacity.RetryError at the deadline."""
    Retrying(retry=retry_if_result(lambda held: not held), wait=wait_fixed(0.2), stop=stop_after_delay(deadline))(
        condition
    )


@real
def test_a_run_makes_its_cluster_and_removes_it(name: str) -> None:
    result = run("--cluster-name", name, "-k", "Pod")

    assert result.returncode == 0, result.stdout
    assert f"creating kind cluster {name}" in result.stdout
    assert name not in clusters()


@real
def test_a_node_image_that_does_not_exist_leaves_nothing(name: str) -> None:
    told = refusal(run("--cluster-name", name, "--kind-image", "kindest/node:nonexistent"))

    assert f"kind cannot create cluster {name}" in told
    assert "kindest/node:nonexistent" in told
    assert name not in clusters()


@real
def test_ctrl_c_while_the_cluster_is_made_leaves_nothing(name: str) -> None:
    with subprocess.Popen(command("--cluster-name", name), cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        until(lambda: name in clusters(), 300)
        process.send_signal(signal.SIGINT)
        output = process.communicate(timeout=300)[0]
    assert process.returncode == pytest.ExitCode.INTERRUPTED, output
    assert name not in clusters()


@real
def test_a_killed_runs_cluster_is_cleaned_and_a_living_ones_is_not_shared(name: str) -> None:
    with subprocess.Popen(command("--cluster-name", name), cwd=ROOT, start_new_session=True) as process:
        until(lambda: name in clusters(), 300)
        assert f"kind cluster {name} belongs to another run" in refusal(run("--cluster-name", name))
        assert name not in clean().stdout
        os.killpg(process.pid, signal.SIGKILL)
    assert f"  {name}\n" in clean().stdout
    assert name in clusters()
    assert f"deleted kind cluster {name}\n" in clean("--yes").stdout
    assert name not in clusters()


def clean(*options: str) -> "subprocess.CompletedProcess[str]":
    takeover = [sys.executable, "-c", "import sys; from takeover.cli.main import main; sys.exit(main())", "clean"]
    return subprocess.run([*takeover, *options], cwd=ROOT, capture_output=True, text=True, check=False)


@real
def test_a_cluster_that_was_there_is_used_and_left(kept: str) -> None:
    result = run("--cluster-name", kept, "-k", "Pod")

    assert result.returncode == 0, result.stdout
    assert f"using kind cluster {kept}, which was there" in result.stdout
    assert kept in clusters()


@real
def test_a_users_cluster_under_a_killed_runs_name_is_never_deleted(name: str, kind: Callable[[str], bool]) -> None:
    with subprocess.Popen(command("--cluster-name", name), cwd=ROOT, start_new_session=True) as process:
        until(lambda: name in clusters(), 300)
        os.killpg(process.pid, signal.SIGKILL)

    def is_replaced() -> bool:
        # What the killed one had asked Docker for may still come.
        kind("delete")
        return kind("create")

    try:
        until(is_replaced, 300)
        assert f"  {name}\n" not in clean("--yes").stdout
        assert name in clusters()
        result = run("--cluster-name", name, "-k", "Pod")
        assert f"using kind cluster {name}, which was there, and leaving it there" in result.stdout
        assert name in clusters()
    finally:
        assert kind("delete")
