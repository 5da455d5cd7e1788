"""Frames that come in any order, or in pieces of any size, have one form."""

import pytest

from takeover.probes.frame_form import FRAME_RULES, FrameRule, frames_without_chance

FRAMES = {
    "order-of-streams": (
        ["HEADERS 3 :status 200", "SETTINGS ACK", "DATA 1 2 bytes", "0x77 0 flags 0x0, 1 bytes", "RST_STREAM 3 CANCEL"],
        ["SETTINGS ACK", "0x77 0 flags 0x0, 1 bytes", "DATA 1 2 bytes", "HEADERS 3 :status 200", "RST_STREAM 3 CANCEL"],
    ),
    "data-frames": (
        ["DATA 1 2 bytes", "DATA 1 3 bytes", "DATA 3 1 bytes", "PING ACK 00", "DATA 3 1 bytes",
         "DATA 3 0 bytes END_STREAM"],
        ["DATA 1", "DATA 3", "PING ACK 00", "DATA 3 END_STREAM"],
    ),
    "window-updates": (
        ["WINDOW_UPDATE 0 +2", "WINDOW_UPDATE 0 +3", "WINDOW_UPDATE 1 +5", "WINDOW_UPDATE 0 +1"],
        ["WINDOW_UPDATE 0 +5", "WINDOW_UPDATE 1 +5", "WINDOW_UPDATE 0 +1"],
    ),
    "ping-data": (
        ["PING 0011223344556677", "PING ACK 0011223344556677", "SETTINGS ACK"],
        ["PING <data>", "PING ACK 0011223344556677", "SETTINGS ACK"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("rule", FRAME_RULES, ids=lambda rule: rule.name)
def test_frames_have_one_form(rule: FrameRule) -> None:
    frames, normal = FRAMES[rule.name]

    assert [*rule.apply(frames)] == normal
    assert [*rule.apply(normal)] == normal
    assert [*rule.apply([])] == []


def test_of_one_stream_the_order_is_kept() -> None:
    frames = ["HEADERS 1 :status 200", "GOAWAY NO_ERROR last 1", "RST_STREAM 1 CANCEL", "text 'DATA 3'"]
    assert frames_without_chance(frames) == frames
