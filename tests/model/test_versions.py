"""Versions as packages and binaries call themselves, and ranges of them."""

import pytest

from takeover.model.versions import VersionRange, version_of


def test_versions_have_an_order() -> None:
    names = ["1.36.2", "1.36.2.post1", "1.36.10", "1.40.0"]
    versions = [version_of(each) for each in names]
    assert None not in versions
    assert sorted(versions, key=lambda each: each or version_of("0")) == versions  # type: ignore[arg-type,return-value]
    assert version_of("1.41.0-dev-istio+x") == version_of("v1.41.0")
    assert version_of("patched") is None


@pytest.mark.parametrize(
    ("text", "version", "expected"),
    [
        (">=1.36.3, <1.40", "1.36.2.post1", False),
        (">=1.36.3, <1.40", "1.39.3", True),
        (">=1.36.3, <1.40", "1.40.0-dev", False),
        (">=1.40", "1.40.0-dev", True),
        ("==1.36.*", "1.36.2.post1", True),
        (">=2", "patched", True),
        (">=2", "１.40.0", True),  # digits that are not ASCII's make no version
    ],
)
def test_ranges(text: str, version: str, expected: bool) -> None:
    assert (version in VersionRange(text)) is expected


def test_what_is_no_range_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'1\.36' is no range of versions"):
        VersionRange("1.36")
