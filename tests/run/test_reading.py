"""What a run reads before it forks its workers."""

import gc
from collections.abc import Iterator
from typing import Any

import pytest

from takeover.base.errors import BadInputError
from takeover.run import reading


@pytest.fixture
def _unfrozen() -> Iterator[None]:
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("_unfrozen")
@pytest.mark.parametrize("fault", [None, BadInputError("no scenario")])
def test_what_is_read_ahead_is_no_garbage_and_what_comes_later_may_be(
    monkeypatch: pytest.MonkeyPatch, fault: BadInputError | None
) -> None:
    kept = list[bool]()

    def read(_: object) -> Any:
        kept.append(gc.isenabled())
        if fault is not None:
            raise fault
        return []

    monkeypatch.setattr(reading, "conduct_of", lambda _: None)
    monkeypatch.setattr(reading, "library_of", read)
    monkeypatch.setattr(reading, "observes", lambda *_, **__: False)
    config: Any = type("Config", (), {"option": type("Option", (), {"sabotage": None, "envoy": None})})
    gc.unfreeze()

    reading.read_ahead(config)

    assert (kept, gc.isenabled()) == ([False], True)
    assert gc.get_freeze_count() > 0
