"""The published schema is the one of the Structs, and documents of real runs are of it."""

import json
from pathlib import Path

import jsonschema
import pytest

from takeover.model.document import json_schema

PUBLISHED = Path(__file__).parents[2] / "reports" / "schema.json"
SMALLEST = {
    "schema": 1,
    "written": "2026-11-25T10:00:00+00:00",
    "complete": True,
    "engine": "local",
    "envoy": {"name": "1.40.0", "version": "1.40.0", "commit": "abc", "build": "Clean", "sha256": "0f"},
}


def test_the_published_schema_is_current() -> None:
    assert PUBLISHED.read_bytes() == json_schema(), "write it again: takeover schema >reports/schema.json"


def test_the_schema_is_one() -> None:
    schema = json.loads(PUBLISHED.read_bytes())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(SMALLEST, schema)


@pytest.mark.parametrize("change", [{"schema": 2}, {"more": 1}, {"complete": "yes"}, {"tests": [{"id": "x"}]}])
def test_it_refuses_what_is_of_another_form(change: dict[str, object]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(SMALLEST | change, json.loads(PUBLISHED.read_bytes()))
