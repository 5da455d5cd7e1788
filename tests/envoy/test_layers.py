"""What is taken out of layers that are put on one another."""

import gzip
import io
import tarfile
from pathlib import Path

import pytest

from takeover.base.errors import TakeoverError
from takeover.envoy import layers as subject
from takeover.envoy.layers import take_out
from tests.envoy.published import layer

PATH = "usr/local/bin/envoy"


def taken(folder: Path, layers: list[bytes]) -> bytes | None:
    """What is at `PATH` of an image with these layers, the lowest first; None: nothing."""
    for number, each in enumerate(layers):
        (folder / str(number)).write_bytes(each)
    found = take_out(PATH, len(layers), lambda number: folder / str(number), folder / "into")
    return (folder / "into").read_bytes() if found else None


LOW = layer(("usr/", b""), ("usr/local/bin/", b""), (PATH, b"low"), ("usr/local/bin/other", b"x"))


@pytest.mark.parametrize(
    ("upper", "found"),
    [
        ([], b"low"),
        ([("etc/envoy/envoy.yaml", b"")], b"low"),
        ([("usr/local/bin/", b"")], b"low"),
        ([(f"./{PATH}", b"high")], b"high"),
        ([(PATH, b"first"), (PATH, b"last")], b"last"),
        ([("usr/local/bin/.wh.envoy", b"")], None),
        ([("usr/local/bin/.wh.envoy", b""), (PATH, b"high")], b"high"),
        ([(PATH, b"high"), ("usr/local/bin/.wh..wh..opq", b"")], b"high"),
        ([("usr/local/bin/.wh..wh..opq", b"")], None),
        ([("usr/local/.wh..wh..opq", b"")], None),
        ([(".wh..wh..opq", b"")], None),
        ([(".wh.usr", b"")], None),
        ([("usr/local/.wh.bin", b"")], None),
        ([("usr/local/bin", b"a file")], None),
        ([(f"{PATH}/", b"")], None),
        ([("usr/local/bin/.wh.other", b""), ("opt/.wh.envoy", b"")], b"low"),
        ([(PATH, "other")], b"x"),
        ([(PATH, "/opt/envoy"), ("opt/envoy", b"linked")], b"linked"),
        ([(PATH, "../../../../../../opt/envoy"), ("opt/envoy", b"linked")], b"linked"),
        ([("usr/local", "/opt"), ("opt/bin/envoy", b"by a folder")], b"by a folder"),
        ([(PATH, "/nowhere")], None),
    ],
)
def test_upper_layers_hide_lower_ones(
    tmp_path: Path, upper: list[tuple[str, bytes | str]], found: bytes | None
) -> None:
    assert taken(tmp_path, [LOW, layer(*upper)]) == found
    assert taken(tmp_path, [LOW, layer(*upper, packed=False)]) == found


def test_a_hard_link_is_to_a_file_of_its_own_layer(tmp_path: Path) -> None:
    linked = layer(("opt/envoy", b"same"), (PATH, "opt/envoy"), kinds={PATH: tarfile.LNKTYPE})
    assert taken(tmp_path, [LOW, linked, layer(("opt/.wh.envoy", b""))]) == b"same"


def test_lower_layers_are_not_asked_for_in_vain(tmp_path: Path) -> None:
    (tmp_path / "1").write_bytes(layer((PATH, b"high")))
    assert take_out(PATH, 2, lambda number: tmp_path / str(number), tmp_path / "into")


def long_header() -> bytes:
    """A record before a file's that is endless, in few bytes."""
    entry = tarfile.TarInfo("pax")
    entry.type, entry.size = tarfile.XHDTYPE, 1 << 31
    return gzip.compress(entry.tobuf() + bytes(4096), mtime=0)


def with_holes() -> bytes:
    """A file of many bytes that takes none."""
    entry = tarfile.TarInfo(PATH)
    entry.size = 1 << 32
    return gzip.compress(entry.tobuf(), mtime=0)


def bomb() -> bytes:
    """More than a layer has, unpacked."""
    entry = tarfile.TarInfo("large")
    entry.size = 1 << 20
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as archive:
        archive.addfile(entry, io.BytesIO(bytes(entry.size)))
    return gzip.compress(whole.getvalue(), mtime=0)


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        (lambda: LOW[: len(LOW) // 2], "a layer of the image is no whole tar archive"),
        (lambda: b"\x1f\x8bno gzip at all", "a layer of the image is no whole tar archive"),
        (lambda: b"something else" * 100, "a layer of the image is no whole tar archive"),
        (lambda: b"\x28\xb5\x2f\xfd....", "compressed by zstd, which is not read here"),
        (long_header, "a header that is longer than 1 MiB"),
        (with_holes, "larger than 1 GiB: no Envoy is"),
        (lambda: layer((PATH, "envoy")), "leads to the next without end"),
        (lambda: layer((PATH, "/usr/local/bin/other"), ("usr/local/bin/other", "envoy")), "to the next without end"),
    ],
)
def test_what_is_no_layer_or_too_much_is_one_line(tmp_path: Path, bad: "object", told: str) -> None:
    assert callable(bad)
    with pytest.raises(TakeoverError, match=told) as caught:
        taken(tmp_path, [bad()])
    assert "\n" not in str(caught.value)


def test_a_layer_is_read_to_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "_LARGEST_LAYER", 1 << 19)
    monkeypatch.setattr(subject, "_MOST_ENTRIES", 3)
    with pytest.raises(TakeoverError, match="GiB unpacked"):
        taken(tmp_path, [bomb()])
    with pytest.raises(TakeoverError, match="more than 3 files"):
        taken(tmp_path, [LOW])
