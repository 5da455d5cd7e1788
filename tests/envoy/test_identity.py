"""Whether and where `envoy --version` runs."""

import hashlib
import itertools
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from takeover.base.errors import BadInputError, TakeoverError
from takeover.envoy.identity import file_state, identify, require_unchanged
from takeover.envoy.pinned import is_pinned
from takeover.envoy.pypi import installed
from takeover.envoy.releases import resolve
from takeover.envoy.sources import release_of
from tests.node.test_bare import ROOT, WHERE_IT_IS_FORBIDDEN


@pytest.mark.usefixtures("cache")
def test_a_binary_that_is_asked_for_its_version_has_no_way_out(tmp_path: Path) -> None:
    program = tmp_path / "curious"
    program.write_text(
        "#!/bin/sh\n"
        "names=$(sed -n 's/^ *\\([^ ]*\\):.*/\\1/p' /proc/net/dev)\n"
        'echo "$0  version: 0123abcd/1.41.0-dev/Modified/${names}/BoringSSL"\n'
    )
    program.chmod(0o755)

    release = release_of("mine", program)
    assert (release.version, release.build) == ("1.41.0-dev", "Modified/lo/BoringSSL")


def test_a_binary_that_is_remembered_starts_nothing() -> None:
    resolve(None)
    code = """
import subprocess
from takeover.envoy.releases import resolve
subprocess.Popen = None
print(resolve(None)[0].version)
"""
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)

    assert (ended.stdout.strip(), ended.stderr) == (installed()[0], "")


@pytest.mark.usefixtures("cache")
def test_the_checksum_is_of_the_bytes_that_are_there_now(fake_envoy: Path) -> None:
    before = release_of("mine", fake_envoy)
    status = fake_envoy.stat()
    text = fake_envoy.read_text()
    fake_envoy.write_text(text.replace("0123abcd", "4567abcd"))  # as long, and as old
    os.utime(fake_envoy, ns=(status.st_atime_ns, status.st_mtime_ns))
    after = release_of("mine", fake_envoy)

    assert (fake_envoy.stat().st_size, fake_envoy.stat().st_ino) == (status.st_size, status.st_ino)
    assert (before.commit, after.commit) == ("0123abcd", "4567abcd")
    assert after.sha256 == hashlib.sha256(fake_envoy.read_bytes()).hexdigest() != before.sha256
    require_unchanged(fake_envoy, after.file)
    for sha256 in ("", before.sha256):
        with pytest.raises(TakeoverError, match="was changed since the run began"):
            require_unchanged(fake_envoy, before.file, sha256)
    fake_envoy.unlink()
    with pytest.raises(TakeoverError, match="is gone since the run began: No such file"):
        require_unchanged(fake_envoy, after.file)


@pytest.mark.usefixtures("cache")
def test_a_binary_that_somebody_links_is_the_same(fake_envoy: Path, tmp_path: Path) -> None:
    before = release_of("mine", fake_envoy)
    (tmp_path / "kept").hardlink_to(fake_envoy)
    assert file_state(fake_envoy) != before.file
    require_unchanged(fake_envoy, before.file, before.sha256)


def test_the_installed_one_is_pinned_and_no_other() -> None:
    assert is_pinned(resolve(None)[0].sha256), "write the binary's checksums into takeover/envoy/pinned.py"
    assert not is_pinned("0" * 64)


@pytest.mark.usefixtures("cache")
def test_it_works_where_namespaces_are_forbidden_and_says_so() -> None:
    code = "from takeover.envoy.releases import resolve; print(resolve(None)[0].version)"
    command = [*WHERE_IT_IS_FORBIDDEN, "sh", sys.executable, "-c", code]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)

    assert ended.stdout.strip() == installed()[0]
    [told] = ended.stderr.splitlines()
    assert told.startswith("what is asked of Envoys runs on this machine itself, with its network: this system does")


@pytest.mark.parametrize("how_often", [1, 100])
def test_a_binary_that_somebody_links_while_it_is_read_is_read_again(
    how_often: int, fake_envoy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    links, digest = itertools.count(), hashlib.file_digest

    def linked(opened: Any, name: str) -> Any:
        if (number := next(links)) < how_often:
            (tmp_path / f"kept-{number}").hardlink_to(fake_envoy)
            os.utime(fake_envoy, ns=(number, number))  # a kernel's clock may stand still for both
        return digest(opened, name)

    monkeypatch.setattr(hashlib, "file_digest", linked)
    if how_often == 1:
        assert identify(fake_envoy, tmp_path / "memory.json").file == file_state(fake_envoy)
        assert next(links) == 2
    else:
        with pytest.raises(BadInputError, match="is changed while it is read: wait until it is whole"):
            identify(fake_envoy, tmp_path / "memory.json")
