"""No two filter chains of a listener are called alike."""

from typing import Any

import pytest

from takeover.check.chain_names import chain_names


@pytest.mark.parametrize(
    ("names", "default", "found"),
    [
        (["web", None, "db"], None, ["web", "1", "db"]),
        ([None, None], {}, ["0", "1", "default"]),
        (["web", "db", "web"], None, ["web (0)", "db", "web (2)"]),
        (["1", None], None, ["1 (0)", "1 (1)"]),
        (["web", "web (0)", "web"], None, ["web (0) (0)", "web (0)", "web (2)"]),
        (["web"], {"name": "web"}, ["web (0)", "web (default)"]),
        (["default"], {}, ["default (0)", "default (default)"]),
    ],
)
def test_each_has_its_name_or_number_and_both_where_others_have_it(
    names: list[str | None], default: dict[str, Any] | None, found: list[str]
) -> None:
    listener: dict[str, Any] = {"filter_chains": [{} if name is None else {"name": name} for name in names]}
    assert chain_names(listener if default is None else {**listener, "default_filter_chain": default}) == found
