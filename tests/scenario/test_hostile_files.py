"""What anybody's files may name: nothing outside of the library, nothing that is no file, nothing without end."""

import os
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from takeover.base.errors import BadInputError
from takeover.probes.probe_file import read_probes
from takeover.scenario.edits import replace
from takeover.scenario.files import MAX_BYTES, read_text
from takeover.scenario.kustomization import read_kustomization
from takeover.scenario.library import Library
from takeover.scenario.sabotage import read_sabotages
from takeover.scenario.yaml_text import MAX_DOCUMENTS, parse_yaml
from tests.scenario.conftest import load

GENERATED = "generatorOptions: {disableNameSuffixHash: true}\nconfigMapGenerator: [{name: c, files: [FILE]}]\n"


def refused(work: Callable[[], object]) -> str:
    """The message, which is one line and comes soon."""
    begin = time.thread_time()
    with pytest.raises(BadInputError) as caught:
        work()
    assert time.thread_time() - begin < 20
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", ["scenario.yaml", "kustomization.yaml", "pod.yaml", "envoy.yaml", "part/app.conf"])
def test_a_pipe_is_not_waited_for(folder: Callable[..., Path], name: str) -> None:
    root = folder()
    (root / name).unlink()
    os.mkfifo(root / name)

    told = refused(lambda: load(root))

    assert told.endswith("a pipe, not a file")


@pytest.mark.parametrize("name", ["probes.yaml", "sabotage.yaml", "part/base.yaml"])
def test_nor_one_in_the_place_of_a_file_that_need_not_be_there(folder: Callable[..., Path], name: str) -> None:
    root = folder()
    os.mkfifo(root / name)

    def read_all() -> None:
        scenario = load(root)
        read_probes(scenario)
        read_sabotages(scenario)

    assert refused(read_all).endswith(f"{name}: cannot be read: it is a pipe, not a file")


def test_a_socket_and_a_device_are_no_files(folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    root = folder()
    monkeypatch.chdir(root)  # a socket's path is short
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("s.yaml")
        assert refused(lambda: read_text(root / "s.yaml")) == "s.yaml: cannot be read: it is a socket, not a file"
    assert refused(lambda: read_text(Path("/dev/zero"))) == "/dev/zero: cannot be read: it is a device, not a file"


@pytest.mark.parametrize("name", ["scenario.yaml", "kustomization.yaml", "part/kustomization.yaml", "part/base.yaml"])
def test_a_link_out_of_the_library_is_not_followed(
    folder: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory, name: str
) -> None:
    root, secret = folder(), tmp_path_factory.mktemp("elsewhere") / "secret"
    secret.write_text("password")
    (root / name).unlink(missing_ok=True)
    (root / name).symlink_to(secret)

    told = refused(lambda: load(root))

    assert told == f"{root}/{name}: a link that leads elsewhere: put the file itself there"


@pytest.mark.parametrize("name", ["probes.yaml", "sabotage.yaml"])
def test_nor_is_one_in_the_place_of_what_need_not_be_there(
    folder: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory, name: str
) -> None:
    root, secret = folder(), tmp_path_factory.mktemp("elsewhere") / "secret"
    secret.write_text("- password")
    (root / name).symlink_to(secret)
    scenario = load(root)

    told = refused(lambda: (read_probes(scenario), read_sabotages(scenario)))

    assert told == f"{root}/{name}: a link that leads elsewhere: put the file itself there"


def test_a_link_to_a_file_of_the_library_is_followed(folder: Callable[..., Path]) -> None:
    root = folder()
    (root / "scenario.yaml").rename(root / "there.yaml")
    (root / "scenario.yaml").symlink_to("there.yaml")

    assert load(root).title == "Demo"


@pytest.mark.parametrize("resource", ["link.yaml", "link/pod.yaml"])
def test_a_resource_or_file_by_a_link_out_is_refused(
    folder: Callable[..., Path], tmp_path: Path, resource: str
) -> None:
    root = folder()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "pod.yaml").write_text((root / "pod.yaml").read_text())
    (root / "link.yaml").symlink_to(elsewhere / "pod.yaml")
    (root / "link").symlink_to(elsewhere)

    (root / "kustomization.yaml").write_text(f"resources: [{resource}]")
    assert f"kustomization.yaml:1: {resource} is outside the folder" in refused(lambda: load(root))
    (root / "kustomization.yaml").write_text(GENERATED.replace("FILE", resource))
    assert f"kustomization.yaml:2: {resource} is outside the folder" in refused(lambda: load(root))


def test_a_folder_outside_of_the_library_is_no_resource(folder: Callable[..., Path], tmp_path: Path) -> None:
    library = tmp_path / "library"
    library.mkdir()
    root = folder().rename(library / "demo")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/kustomization.yaml").write_text("resources: []")
    (root / "kustomization.yaml").write_text("resources: [../../outside]")

    told = refused(lambda: load(root))

    assert told == (
        f"{root}/kustomization.yaml:1: ../../outside is outside of the library {library}: "
        "put what its scenarios share into bases/ there"
    )


def test_a_scenario_that_is_a_link_out_of_the_library_is_refused(folder: Callable[..., Path], tmp_path: Path) -> None:
    library = tmp_path / "library"
    library.mkdir()
    (library / "linked").symlink_to(folder())

    told = refused(lambda: Library(library).scenario("linked"))

    assert told == f"{library}/linked: a link out of the library: put the folder itself there"


@pytest.mark.parametrize("name", ["a b", "a\nb", "::error::", "\x1b[2J", "a" * 64])
def test_a_scenario_whose_name_is_no_label_is_refused(folder: Callable[..., Path], name: str) -> None:
    root = folder()
    root = root.rename(root.with_name(name))

    assert "a scenario's folder is " in refused(lambda: load(root))


@pytest.mark.parametrize("base", ["../outside", "/outside", "link", "a\\0b"])
def test_a_base_is_one_of_the_library(folder: Callable[..., Path], tmp_path: Path, base: str) -> None:
    library = tmp_path / "library"
    (library / "bases").mkdir(parents=True)
    root = folder().rename(library / "demo")
    (tmp_path / "library/outside").mkdir()
    (tmp_path / "library/outside/kustomization.yaml").write_text("resources: []")
    (library / "bases/link").symlink_to(tmp_path / "library/outside")
    base = base.replace("/outside", f"{tmp_path}/library/outside") if base.startswith("/") else base
    probes = f'- {{group: one, why: w, from: web, to: {{service: web, port: 80}}, bases: ["{base}"], probes: []}}'
    (root / "probes.yaml").write_text(probes)

    assert f"{root}/probes.yaml:1: there is no base " in refused(lambda: read_probes(load(root)))


def test_a_set_of_probes_is_one_of_the_library(folder: Callable[..., Path]) -> None:
    root = folder({"../bases/outside.yaml": "- name: x\n"})
    (root.parent / "bases/probes").mkdir()
    probes = "- {group: one, why: w, from: web, to: {service: web, port: 80}, sets: [../outside], probes: []}"
    (root / "probes.yaml").write_text(probes)

    assert f"{root}/probes.yaml:1: there is no set ../outside; " in refused(lambda: read_probes(load(root)))


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        ("pod.yaml", "{name: web}", "{name: /srv/x}", "pod.yaml:3: metadata.name is '/srv/x'; it must be of"),
        ("pod.yaml", "{name: web}", "{name: ../x}", "pod.yaml:3: metadata.name is '../x'; it must be of"),
        ("pod.yaml", "{name: web}", "{name: web, namespace: ..}", "pod.yaml:3: metadata.namespace is '..'; it must"),
        ("pod.yaml", "kind: Pod", "kind: ../Pod", "pod.yaml:2: kind is no word: '../Pod'"),
        ("part/app.yaml", "{name: v1}", "{name: v.1}", "part/app.yaml:3: metadata.name is 'v.1'; it must be of"),
        ("part/kustomization.yaml", "namespace: v1", "namespace: /v1", "part/kustomization.yaml:1: namespace is '/v1'"),
        ("kustomization.yaml", "envoyconfig", "../c", "kustomization.yaml:6: configMapGenerator[0].name is '../c'"),
    ],
)
def test_names_are_those_of_kubernetes(
    folder: Callable[..., Path], file: str, old: str, new: str, told: str
) -> None:  # fmt: skip
    root = folder()
    text = (root / file).read_text()
    assert old in text
    (root / file).write_text(text.replace(old, new, 1))

    assert refused(lambda: load(root)).startswith(f"{root}/{told}")


def test_a_file_is_of_a_bounded_length(tmp_path: Path) -> None:
    path = tmp_path / "long.yaml"
    path.write_text("a" * MAX_BYTES)
    assert len(read_text(path)) == MAX_BYTES
    path.write_text("a" * (MAX_BYTES + 1))
    assert refused(lambda: read_text(path)) == f"{path}: longer than {MAX_BYTES} bytes: a file of manifests is shorter"


def test_a_generated_config_map_is_of_a_bounded_length(folder: Callable[..., Path]) -> None:
    root = folder({"part/app.conf": "a" * ((1 << 19) + 1)})  # it is there twice
    assert "part/kustomization.yaml:6: a ConfigMap holds at most 1048576 bytes" in refused(lambda: load(root))


def test_a_file_is_of_so_many_documents() -> None:
    assert len(list(parse_yaml("---\na: 1\n" * MAX_DOCUMENTS, Path("a.yaml")))) == MAX_DOCUMENTS
    told = refused(lambda: list(parse_yaml("---\na: 1\n" * 20_000, Path("/a.yaml"))))
    assert told == f"/a.yaml:{2 * (MAX_DOCUMENTS + 1) + 1}: more than {MAX_DOCUMENTS} documents in a file"


def test_documents_share_their_bound_of_values() -> None:
    text = f"---\n[{'x,' * 30_000}]\n" * 4
    assert refused(lambda: list(parse_yaml(text, Path("/a.yaml")))) == (
        "/a.yaml:8: more than 100000 values, aliases expanded"
    )


def test_aliases_of_long_strings_are_counted_by_their_characters() -> None:
    text = f"a: &a {'x' * 100_000}\nb: [{'*a,' * 100}]\n"
    assert refused(lambda: list(parse_yaml(text, Path("/a.yaml")))) == (
        "/a.yaml:2: more than 4194304 characters, aliases expanded"
    )
    assert list(parse_yaml(f"a: &a {'x' * 100_000}\nb: [{'*a,' * 40}]\n", Path("/a.yaml")))


def test_aliases_of_lists_of_strings_likewise() -> None:
    text = f"a: &a [{'x' * 100_000}]\nb: &b [{'*a,' * 9}]\nc: [{'*b,' * 9}]\n"
    assert "characters, aliases expanded" in refused(lambda: list(parse_yaml(text, Path("/a.yaml"))))


def test_folders_that_take_each_other_twice_have_an_end(folder: Callable[..., Path]) -> None:
    files = {f"{n}{c}/kustomization.yaml": f"resources: [../{n + 1}a, ../{n + 1}b]" for n in range(30) for c in "ab"}
    last = {f"30{c}/kustomization.yaml": "resources: []" for c in "ab"}
    root = folder({**files, **last})

    assert "more than 100 kustomizations" in refused(lambda: read_kustomization(root / "0a"))


@pytest.mark.parametrize(
    "path",
    ["$..*..*..*..*..*..*..*[?@.x]", "$" + ".a" * 600, "$..[?match(@, '(a|a)*b')]", '$..[?search(@, "(a+)+b")]'],
)
def test_a_path_that_might_be_looked_up_without_end_is_refused(folder: Callable[..., Path], path: str) -> None:
    assert refused(lambda: load(folder()).edited([replace("envoy.yaml", path, "x")])).startswith("envoy.yaml: ")
