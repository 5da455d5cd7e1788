"""Whose a kind cluster is, with programs of our own in the place of docker and kind, which keep clusters as files."""

import os
from pathlib import Path

import pytest

from takeover.base.errors import BadInputError, TakeoverError
from takeover.cli.main import main
from takeover.engines.kind.cluster import KindOptions, OwnCluster
from takeover.engines.kind.ownership import Record

NAME = "theirs"
OPTIONS = KindOptions(NAME, keep=False, image=None, kind=None, kubectl=None, kubeconfig=None)

# A cluster is a file with the places of its container's mounts, a line for each container.
DOCKER = """
case $1 in
    ps) for each; do name=${each##*=}; done; [ ! -f "$CLUSTERS/$name" ] || seq "$(wc -l <"$CLUSTERS/$name")" ;;
    inspect)
        going=$CLUSTERS/../going
        [ ! -e "$going" ] || { rm "$going" "$CLUSTERS"/*; echo "No such object" >&2; exit 1; }
        cat "$CLUSTERS"/*
        ;;
    image) exit 1 ;;
esac
"""
KIND = """
name= config=
for each; do case $each in --name=*) name=${each#*=};; */kind.yaml) config=$each;; --name) next=1;; esac; done
[ -n "$name" ] || name=$(echo "$*" | sed -n 's/.*--name \\([^ ]*\\).*/\\1/p')
case $1 in
    get) ls "$CLUSTERS" ;;
    create)
        [ ! -e "$CLUSTERS/../somebody-is-faster" ] || { echo /theirs >"$CLUSTERS/$name"; echo taken >&2; exit 1; }
        sed -n 's/.*containerPath: //p' "$config" >"$CLUSTERS/$name"
        [ ! -e "$CLUSTERS/../fails" ] || { echo 'ERROR: no luck' >&2; exit 1; }
        ;;
    delete) rm "$CLUSTERS/$name" ;;
esac
"""


@pytest.fixture
def clusters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which the clusters are."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "clusters").mkdir()
    (tmp_path / "kubeconfig").mkdir()
    for name, script in {"docker": DOCKER, "kind": KIND}.items():
        (tmp_path / "bin" / name).write_text(f"#!/bin/sh\n{script}")
        (tmp_path / "bin" / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("CLUSTERS", str(tmp_path / "clusters"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "nowhere"))
    monkeypatch.chdir(tmp_path)
    kubeconfig = tmp_path / ".pytest-kind" / NAME / "kubeconfig"
    kubeconfig.parent.mkdir(parents=True)
    kubeconfig.write_text(
        "{clusters: [{name: c, cluster: {server: 'http://127.0.0.1:9'}}], users: [], current-context: c,"
        " contexts: [{name: c, context: {cluster: c, user: u}}]}"
    )
    return tmp_path / "clusters"


def own(told: list[str]) -> OwnCluster:
    return OwnCluster(OPTIONS, told.append)


def die_while_making(clusters: Path) -> None:
    """As a run that is killed while kind works: nothing was tidied up, only its lock ended."""
    record = Record(NAME)
    token = record.renew()
    (clusters / NAME).write_text(f"/envoy-takeover/{token}\n")
    record.close()


def test_a_run_removes_what_it_made(clusters: Path) -> None:
    told: list[str] = []
    cluster = own(told)
    assert (clusters / NAME).read_text().startswith("/envoy-takeover/")

    cluster.remove()

    assert list(clusters.iterdir()) == []
    assert told == [f"creating kind cluster {NAME}"]


def test_what_a_killed_run_left_is_replaced(clusters: Path) -> None:
    die_while_making(clusters)
    left = (clusters / NAME).read_text()
    told: list[str] = []

    own(told).remove()

    assert told[0] == f"removing kind cluster {NAME}, which a dead run left"
    assert left not in [each.read_text() for each in clusters.iterdir()]


def test_another_cluster_under_a_killed_runs_name_is_used_and_left(
    clusters: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    die_while_making(clusters)
    (clusters / NAME).write_text("/theirs\n")  # its user deleted what was left, and made one of the same name
    told: list[str] = []

    assert main(["clean", "--yes"]) == 0
    assert NAME not in capsys.readouterr().out
    own(told).remove()

    assert told == [f"using kind cluster {NAME}, which was there, and leaving it there"]
    assert (clusters / NAME).read_text() == "/theirs\n"


def test_a_cluster_with_a_container_that_is_not_ours_is_not_ours(clusters: Path) -> None:
    die_while_making(clusters)
    with (clusters / NAME).open("a") as file:
        file.write("/theirs\n")

    own([]).remove()

    assert (clusters / NAME).exists()


def test_a_cluster_that_took_the_name_during_a_run_is_left(clusters: Path) -> None:
    cluster = own([])
    (clusters / NAME).write_text("/theirs\n")

    cluster.remove()

    assert (clusters / NAME).exists()


def test_a_cluster_that_took_the_name_while_ours_was_to_be_made_is_left(clusters: Path) -> None:
    (clusters.parent / "somebody-is-faster").touch()

    with pytest.raises(TakeoverError, match="taken"):
        own([])

    assert (clusters / NAME).read_text() == "/theirs\n"


def test_what_kind_left_half_made_is_removed(clusters: Path) -> None:
    (clusters.parent / "fails").touch()

    with pytest.raises(TakeoverError, match="no luck"):
        own([])

    assert list(clusters.iterdir()) == []


def test_a_container_that_goes_while_it_is_looked_at_is_none(clusters: Path) -> None:
    cluster = own([])
    (clusters.parent / "going").touch()

    cluster.remove()

    assert list(clusters.iterdir()) == []


def test_clean_lists_and_deletes_what_a_killed_run_left(clusters: Path, capsys: pytest.CaptureFixture[str]) -> None:
    die_while_making(clusters)

    assert main(["clean"]) == 1
    assert f"  {NAME}\n" in capsys.readouterr().out
    assert main(["clean", "--yes"]) == 0
    assert f"deleted kind cluster {NAME}\n" in capsys.readouterr().out
    assert list(clusters.iterdir()) == []


def test_clean_tells_when_it_cannot_ask(
    clusters: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    die_while_making(clusters)
    monkeypatch.setenv("KIND_EXPERIMENTAL_PROVIDER", "no-such-provider")

    assert main(["clean", "--yes"]) == 1
    assert "cannot tell whether a dead run left a kind cluster: " in capsys.readouterr().out
    assert (clusters / NAME).exists()


def test_a_record_of_an_older_form_makes_no_cluster_a_dead_runs(clusters: Path) -> None:
    record = Record(NAME)
    path = clusters.parent / "cache" / "envoy-takeover" / "kind" / NAME
    path.write_bytes(b"made by a run\n")
    record.close()
    (clusters / NAME).write_text("/theirs\n")

    own([]).remove()

    assert (clusters / NAME).exists()


@pytest.mark.usefixtures("clusters")
def test_a_living_run_has_its_name_alone() -> None:
    cluster = own([])
    with pytest.raises(BadInputError, match=f"kind cluster {NAME} belongs to another run"):
        own([])
    cluster.remove()
