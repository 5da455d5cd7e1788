"""Where keys of tokens are written in a configuration, those of the run are taken beside them."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from takeover.check.world import keys
from takeover.check.world.configuration import objects
from tests.check.world.worlds import Built, bootstrap, cluster, given, http, listener


@pytest.mark.parametrize("form", ["inline_string", "inline_bytes", "filename"])
def test_keys_of_tokens_that_are_written_have_ours_beside_them(form: str, tmp_path: Path) -> None:
    theirs = json.dumps({"keys": [{"kty": "oct", "kid": "theirs", "k": "YQ"}]})
    (tmp_path / "keys.json").write_text(theirs)
    texts = {"inline_string": theirs, "inline_bytes": base64.b64encode(theirs.encode()).decode()}
    source = {form: texts.get(form, "/given/keys")}
    jwt = {"name": "jwt", "typed_config": {"providers": {"a": {"local_jwks": source}}}}
    of = given(bootstrap([listener("in", 80, http("app", jwt))], [cluster("app")]), keys=tmp_path / "keys.json")
    made = Built(of, tmp_path / "mine")
    found = json.loads(one_of(made, "local_jwks")["inline_string"])["keys"]
    assert [each["kid"] for each in found] == ["theirs", *(each["kid"] for each in keys.public()["keys"])]
    assert any("tokens of this run are taken" in each for each in made.different)


@pytest.mark.parametrize("written", ["no JSON", "[]", '{"keys": 1}'])
def test_what_is_no_set_of_keys_is_left_to_envoy(written: str, tmp_path: Path) -> None:
    jwt = {"name": "jwt", "typed_config": {"providers": {"a": {"local_jwks": {"inline_string": written}}}}}
    assert one_of(
        Built(given(bootstrap([listener("in", 80, http("app", jwt))], [cluster("app")])), tmp_path / "mine"),
        "local_jwks",
    ) == {"inline_string": written}


def one_of(made: Built, field: str) -> Any:
    """What the only field of that name has in the bootstrap."""
    [found] = [each[field] for _, each in objects(made.config()) if field in each]
    return found
