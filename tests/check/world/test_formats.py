"""Formats that are no logs': words stand in the place of what they tell of chance, and it is said."""

from pathlib import Path

from tests.check.world.worlds import Built, bootstrap, cluster, given, http, listener


def test_other_formats_have_words_for_what_is_of_chance_and_it_is_said(tmp_path: Path) -> None:
    adding = [
        {"header": {"key": "x-start", "value": "t=%START_TIME(%s.%3f)%"}},
        {"header": {"key": "x-path", "value": "%REQ(:PATH)%"}},
    ]
    own = {"body_format": {"text_format_source": {"inline_string": "%RESPONSE_CODE% after %RESPONSE_DURATION%\n"}}}
    manager = http("app", local_reply_config=own)
    manager["typed_config"]["route_config"]["request_headers_to_add"] = adding
    built = Built(given(bootstrap([listener("in", 80, manager)], [cluster("app")])), tmp_path / "mine")

    [chain] = built.config()["static_resources"]["listeners"][0]["filter_chains"]
    written = chain["filters"][0]["typed_config"]
    headers = [each["header"]["value"] for each in written["route_config"]["request_headers_to_add"]]
    assert headers == ["t=<start_time>", "%REQ(:PATH)%"]
    text = written["local_reply_config"]["body_format"]["text_format_source"]["inline_string"]
    assert text == "%RESPONSE_CODE% after <response_duration>\n"
    assert "the header x-start has words for %START_TIME(%s.%3f)%" in built.different
    assert "`inline_string` has words for %RESPONSE_DURATION%" in built.different
