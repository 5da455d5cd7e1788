"""The published schemas and the reference are those of the Structs, and our own files are of them."""

import json
from pathlib import Path

import jsonschema
import pytest

from takeover.cli.main import main
from takeover.cli.yaml_files import yaml_files
from takeover.scenario.described import json_schema, reference
from takeover.scenario.typed_yaml import Entry, single

ROOT = Path(__file__).parents[2]
GLOBS = {
    "scenario": "*/scenario.yaml",
    "base": "bases/**/base.yaml",
    "probes": "*/probes.yaml",
    "probe-set": "bases/probes/*.yaml",
    "sabotage": "*/sabotage.yaml",
}
WRONG = {
    "scenario": {"title": "no Envoy"},
    "base": {"control": {"pod": "hostile/upstream"}},
    "probes": [{"group": "a", "why": "b", "probes": [{"name": "c", "protocol": "http2", "verb": "GET"}]}],
    "probe-set": [{"name": "a", "verb": "GET"}],
    "sabotage": [{"name": "a"}],
    "accepted": [{"id": 12345678, "reason": "a", "who": "b", "until": "1.41.0"}],
}


def published(name: str) -> jsonschema.Draft202012Validator:
    schema = json.loads((ROOT / "docs/schemas" / f"{name}.json").read_bytes())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize("name", yaml_files())
def test_the_published_schemas_are_current(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    written = (ROOT / "docs/schemas" / f"{name}.json").read_text()
    assert main(["schema", name]) == 0
    assert written == capsys.readouterr().out, f"write it again: takeover schema {name} >docs/schemas/{name}.json"


@pytest.mark.parametrize(("name", "files"), GLOBS.items())
def test_our_own_files_are_of_them(name: str, files: str) -> None:
    found = sorted((ROOT / "manifests").glob(files))
    assert found
    for path in found:
        published(name).validate(single(path).value)


@pytest.mark.parametrize(("name", "wrong"), WRONG.items())
def test_what_is_wrong_is_not_of_them(name: str, wrong: object) -> None:
    with pytest.raises(jsonschema.ValidationError):
        published(name).validate(wrong)


def test_an_accepted_difference_is_of_them() -> None:
    published("accepted").validate([{"kind": "status", "reason": "a", "who": "b", "until": "1.41.0"}])


def test_the_reference_is_current(capsys: pytest.CaptureFixture[str]) -> None:
    written = (ROOT / "docs/reference.md").read_text()
    assert main(["reference"]) == 0
    assert written == capsys.readouterr().out, "write it again: takeover reference >docs/reference.md"


def test_the_reference_says_something_of_every_field() -> None:
    text = reference(yaml_files().values())
    for file in yaml_files().values():
        for schema in json.loads(json_schema(file))["$defs"].values():
            for field, its in schema["properties"].items():
                assert its.get("description"), (schema["title"], field)
                assert f"| `{field}` |" in text


def test_a_field_that_no_docstring_tells_of_shows() -> None:
    from takeover.scenario.described import YamlFile

    class _Entry(Entry):
        """Toy."""

        untold: str

    toy = YamlFile("toy.yaml", (_Entry,), is_list=False, open={})
    assert "description" not in json.loads(json_schema(toy))["$defs"]["_Entry"]["properties"]["untold"]
