"""A message of which null is a value: a constant of an expression is, and without it Envoy takes none."""

import json
from pathlib import Path
from typing import Any

import pytest

from takeover.check.given import read

API = "type.googleapis.com/envoy."
HTTP = f"{API}extensions.filters.http."
CONNECTIONS = f"{API}extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"


def constant(folder: Path, written: Any, name: str, outer: str) -> Any:
    """What is read of the constant of an RBAC filter's condition, in a bootstrap."""
    anybody = {"permissions": [{"any": True}], "principals": [{"any": True}], "condition": {outer: written}}
    rules = {"@type": f"{HTTP}rbac.v3.RBAC", "rules": {"action": None, "policies": {"one": anybody}}}
    http = {"@type": CONNECTIONS, "http_filters": [{"name": name, "typed_config": rules}]}
    listener = {"name": "web", "filter_chains": [{"filters": [{"name": "http", "typed_config": http}]}]}
    file = folder / "envoy.json"
    file.write_text(json.dumps({"static_resources": {"listeners": [listener]}}))
    [found] = read(file, {}).bootstrap["static_resources"]["listeners"]
    [rbac] = found["filter_chains"][0]["filters"][0]["typed_config"]["http_filters"]
    assert rbac["typed_config"]["rules"].keys() == {"policies"}  # of other fields null is no value
    return rbac["typed_config"]["rules"]["policies"]["one"]["condition"]["const_expr"]


@pytest.mark.parametrize("outer", ["const_expr", "constExpr"])
@pytest.mark.parametrize("field", ["null_value", "nullValue"])
@pytest.mark.parametrize("value", [None, "NULL_VALUE"])
def test_null_stays_where_it_is_a_value(outer: str, field: str, value: Any, tmp_path: Path) -> None:
    assert constant(tmp_path, {field: value}, "rbac", outer) == {"null_value": "NULL_VALUE"}


def test_null_goes_where_it_is_none(tmp_path: Path) -> None:
    assert constant(tmp_path, {"string_value": None, "bool_value": True}, "rbac", "const_expr") == {"bool_value": True}
