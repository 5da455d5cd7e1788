"""WebSocket's frames as bytes and back, right and wrong ones; RFC 6455's own examples among them."""

import pytest

from takeover.net.websocket import frame, read


def told(data: bytes) -> list[str]:
    return [each.told for each in read(data)]


@pytest.mark.parametrize(
    ("made", "data"),
    [
        (frame(1, b"Hello", masked=False), "81 05 48 65 6c 6c 6f"),
        (frame(1, b"Hello"), "81 85 37 fa 21 3d 7f 9f 4d 51 58"),
        (frame(1, b"Hel", masked=False, fin=False), "01 03 48 65 6c"),
        (frame(9, b"Hello", masked=False, reserved=5), "d9 05 48 65 6c 6c 6f"),
        (frame(2, b"", length=256), "82 fe 01 00 37 fa 21 3d"),
        (frame(2, b"", masked=False, length=126), "82 7e 00 7e"),
        (frame(2, b"", masked=False, length=125), "82 7d"),
        (frame(2, b"", masked=False, length=65535), "82 7e ff ff"),
        (frame(2, b"", masked=False, length=65536), "82 7f 00 00 00 00 00 01 00 00"),
    ],
)
def test_a_frame_as_bytes(made: bytes, data: str) -> None:
    assert made.hex(" ") == data


def test_frames_that_came_one_after_the_other_and_what_is_left() -> None:
    data = b"".join(
        [
            frame(1, b"Hel", masked=False, fin=False), frame(0, b"lo", masked=False),
            frame(2, b"\xff" * 300, masked=False), frame(2, b"a" * 70000, masked=False),
            frame(0xB, b"x", masked=True, reserved=1), frame(9, b"", masked=False),
            frame(8, b"\x03\xe8bye", masked=False), frame(8, b"\3", masked=False), frame(10, b"rest")[:-1],
        ]
    )  # fmt: skip
    assert told(data) == [
        "text 'Hel' not the last", "continuation 'lo'", f"binary '{'ÿ' * 300}'", f"binary '{'a' * 70000}'",
        "0xb 'x' reserved 1 masked", "ping ''", "close 1000 'bye'", "close '\\x03'",
        f"and no whole frame: {frame(10, b'rest')[:-1].decode('latin-1')!r}",
    ]  # fmt: skip
    assert [each.kind for each in read(data)][-2:] == ["close", ""]


@pytest.mark.parametrize("length", [1, 2, 3, 5, 9])
def test_what_is_not_whole_is_none(length: int) -> None:
    whole = frame(2, b"a" * 70000)
    assert [each.kind for each in read(whole[:length])] == [""]
    assert [each.kind for each in read(whole)] == ["binary"]
