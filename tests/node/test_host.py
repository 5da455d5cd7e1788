"""Machines that lack what the local engine needs: one line with the remedy. All of it for real."""

import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from takeover.base.errors import BadInputError
from takeover.node import host

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("there", "told"),
    [
        (["newuidmap", "newgidmap"], "missing program unshare: ./run installs"),
        ([], "apt-get install uidmap util-linux" if not host.is_root() else "apt-get install util-linux"),
    ],
)
def test_a_missing_program_is_told_with_its_package(
    there: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in there:
        (tmp_path / name).symlink_to(shutil.which(name) or "/bin/true")
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(BadInputError, match=told):
        host.check()


@pytest.mark.parametrize(
    ("release", "is_refused"), [("5.12.0", False), ("6.1.0-18-amd64", False), ("5.11.22-7-pve", True), ("4.4.0", True)]
)
def test_an_old_kernel_is_told(release: str, is_refused: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.uname", lambda: SimpleNamespace(release=release))
    monkeypatch.setattr(host, "_check_namespaces", lambda *_: None)
    if not is_refused:
        host.check()
        return
    with pytest.raises(BadInputError, match=f"^this kernel is {release}: .* needs Linux 5.12 or newer$"):
        host.check()


def refusal(before: str, *mapping: str) -> str:
    """What `host.check` says in a user namespace of its own, after `before` was done there."""
    check = f"{before}; exec \"$@\" '{sys.executable}' -c 'from takeover.node import host; host.check()'"
    result = subprocess.run(
        ["unshare", "--user", *mapping, "--keep-caps", "sh", "-c", check], cwd=ROOT, capture_output=True, text=True
    )
    assert result.returncode == 1, result.stderr
    return result.stderr.strip().splitlines()[-1]


USER, AS_ROOT = ("--map-user=1000", "--map-group=1000"), ("--map-root-user",)


@pytest.mark.parametrize(
    ("before", "mapping", "told"),
    [
        (
            "echo 0 >/proc/sys/user/max_user_namespaces",
            USER,
            "does not let a user make namespaces (user.max_user_namespaces=0): "
            "allow it with `sudo sysctl user.max_user_namespaces=10000`, or use sudo",
        ),
        ("true", USER, "see /etc/subuid and /etc/subgid for this user"),
        ("echo 0 >/proc/sys/user/max_mnt_namespaces", AS_ROOT, "this root may not make namespaces (unshare: "),
        (
            "mount -t tmpfs none /proc/sys/fs; set -- unshare --user --map-root-user --mount",
            (*AS_ROOT, "--mount"),
            "hides parts of /proc, so that it can have no other one (unshare: mount /proc failed: Operation not "
            "permitted): give it the whole (Docker: --security-opt systempaths=unconfined, or --privileged)",
        ),
    ],
    ids=["forbidden", "no subordinate ids", "root without rights", "masked /proc"],
)
def test_where_namespaces_cannot_be_made(before: str, mapping: tuple[str, ...], told: str) -> None:
    assert told in refusal(before, *mapping)


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["no-such-a"], "missing program no-such-a: {} apt-get install no-such-a"),
        (
            ["no-such-b", "sh", "no-such-a"],
            "missing programs no-such-b, no-such-a: {} apt-get install no-such-a no-such-b",
        ),
    ],
)
def test_missing_programs_are_told_in_a_sentence(names: list[str], told: str) -> None:
    host.require_programs("sh")
    with pytest.raises(BadInputError) as raised:
        host.require_programs(*names)
    assert str(raised.value) == told.format("./run installs what the local engine needs, or do it by hand:")


def test_where_there_is_no_linux_it_names_docker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    with pytest.raises(BadInputError, match=r"needs Linux, and this is Darwin: run it in Docker .*docker run --rm"):
        host.check()


def test_the_script_says_so_before_anything_else() -> None:
    script = "OSTYPE=darwin23; source .setup/environment.sh; echo went on"
    ended = subprocess.run(["bash", "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "the lab needs Linux, and this is darwin23: run it in Docker, see docs/docker.md" in ended.stderr
