"""Paths as somebody gives them."""

from pathlib import Path

import pytest

from takeover.base.errors import BadInputError
from takeover.base.paths import given_path


def test_what_is_given_is_absolute_and_somebodys_home_is_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    monkeypatch.chdir(tmp_path)

    assert given_path("~/x") == Path("/home/somebody/x")
    assert given_path("a/~/x") == tmp_path / "a/~/x"
    assert given_path("/a") == Path("/a")


@pytest.mark.parametrize(
    ("option", "told"),
    [("--reports", "--reports ~nobody-of-that-name/x: nobody knows"), ("", "~nobody-of-that-name/x: nobody knows")],
)
def test_the_home_of_somebody_who_is_not_known_is_told(option: str, told: str) -> None:
    with pytest.raises(BadInputError, match=f"^{told} the folder ~nobody-of-that-name: write it out$"):
        given_path("~nobody-of-that-name/x", option)
