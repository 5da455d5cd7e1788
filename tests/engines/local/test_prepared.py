"""A root file system that was made beforehand, as the image of the Dockerfile has one."""

import re
from pathlib import Path

import msgspec
import pytest

from takeover.base.errors import BadInputError, TakeoverError
from takeover.engines.local import packages, prepared, root_file_system
from takeover.model.root_file_system import RootFileSystem
from takeover.node.bare_node import BareNode

ROOT = Path(__file__).parents[3]
WANTED = dict.fromkeys(root_file_system._PACKAGES, "1") | packages.pinned()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tree with a list of packages; what would be fetched for it is made, and nothing in it is run."""
    (tmp_path / "lab/root/var/lib/dpkg").mkdir(parents=True)

    def run_errand(_node: BareNode, command: list[str], _what: str) -> str:
        assert command[0] == "dpkg-query"
        return "".join(f"{name} 1\n" for name in root_file_system._PACKAGES)

    monkeypatch.setattr(root_file_system, "run_errand", run_errand)
    monkeypatch.setattr(packages, "fetch", lambda _run, _root, _temporary, target: target.mkdir())
    return tmp_path / "lab"


def test_one_that_is_prepared_is_taken_whatever_its_age(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert prepared.main([str(folder)]) == 0
    about = msgspec.json.decode((folder / "about.json").read_bytes(), type=RootFileSystem)
    assert about.packages == WANTED
    old = msgspec.structs.replace(about, built=about.built - 20 * root_file_system.RENEWED_AFTER)
    (folder / "about.json").write_bytes(msgspec.json.encode(old))
    monkeypatch.setenv(root_file_system.PREPARED, str(folder))
    monkeypatch.setattr(root_file_system, "_build", lambda *_: pytest.fail("it is built"))

    monkeypatch.setenv("PATH", "")  # no mmdebstrap
    assert root_file_system.can_be_had()
    taken = root_file_system.take()
    assert (taken.path, taken.packages, taken.about) == (folder / "root", folder / "packages", old)
    assert root_file_system.told() == old
    taken.close()


def test_what_is_no_tree_or_lacks_a_package_is_one_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert prepared.main([str(folder.parent)]) == 2
    assert f"{folder.parent}/root is no tree with Debian's packages" in capsys.readouterr().err
    monkeypatch.setattr(root_file_system, "run_errand", lambda *_: "curl 1\n")
    with pytest.raises(BadInputError, match="lacks iptables, nginx-light, iproute2"):
        prepared.prepare(folder)


def test_one_that_lacks_what_this_version_needs_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(root_file_system.PREPARED, str(folder))
    with pytest.raises(TakeoverError, match=f"TAKEOVER_LAB names {folder}, and there is no root file system in it"):
        root_file_system.take()
    prepared.prepare(folder)
    about = msgspec.json.decode((folder / "about.json").read_bytes(), type=RootFileSystem)
    old = msgspec.structs.replace(about, packages=about.packages | dict.fromkeys(packages.pinned(), "0.1"))
    del old.packages["dnsmasq-base"]
    (folder / "about.json").write_bytes(msgspec.json.encode(old))
    name, version = next(iter(packages.pinned().items()))
    missing = rf"lacks dnsmasq-base, {name.removeprefix('pypi:')} {version}.*build it anew"
    with pytest.raises(TakeoverError, match=missing):
        root_file_system.take()


def test_the_image_has_the_packages_that_a_lab_is_built_of() -> None:
    listed = re.findall(r'^RUN packages="(.*)";', (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert listed[0].split() == list(root_file_system._PACKAGES)


def test_the_flags_of_the_guide_are_one_line() -> None:
    """`.ci/image` runs the image with them."""
    guide = (ROOT / "docs/docker.md").read_text()
    assert len(re.findall(r"^    docker run --rm (--cap-add.*unconfined) .*", guide, re.MULTILINE)) == 1
