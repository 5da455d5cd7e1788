"""Texts of records are changed where anything may stand, and nowhere else."""

from typing import Any, Literal

import msgspec

from takeover.model.document import Inventory, Observation, ProbeResult
from takeover.model.json import WrittenNumber, decoder, encode, mapped, with_texts
from takeover.model.request import ProbeRequest, ProbeTarget

SECRETS = ("status", "version", "closed", "headers")


class Inner(msgspec.Struct, frozen=True):
    status: str
    end: Literal["closed", "open"] | None = "closed"
    data: Any = None


class Outer(msgspec.Struct):
    version: tuple[Inner, ...]
    headers: dict[str, Inner]
    missing: str | msgspec.UnsetType = msgspec.UNSET
    number: int = 1


def removed(text: str) -> str:
    for each in SECRETS:
        text = text.replace(each, "REMOVED")
    return text


def test_names_of_fields_and_words_of_types_stay() -> None:
    data = {"status": ["a version", WrittenNumber("1e+05"), None, True]}
    changed = with_texts(Outer((Inner("the status", data=data),), {"headers": Inner("a")}), removed)
    of_data = {"REMOVED": ["a REMOVED", WrittenNumber("1e+05"), None, True]}
    assert changed == Outer((Inner("the REMOVED", data=of_data),), {"REMOVED": Inner("a")})
    assert decoder(Outer).decode(encode(changed)) == changed


def test_what_a_run_stores_can_be_read_whatever_word_is_a_secret() -> None:
    request = ProbeRequest(source="pod/container", to=ProbeTarget(port=80), protocol="http1")
    result = ProbeResult("a", "b/c", request, Observation(200, end="closed", headers=[("closed", "version")]))
    for word in {
        name for kind in (ProbeResult, Observation, ProbeRequest, Inventory) for name in kind.__struct_fields__
    }:
        changed = with_texts(result, lambda text, word=word: text.replace(word, "REMOVED"))  # type: ignore[misc]
        assert decoder(ProbeResult).decode(encode(changed)) == changed
    assert mapped([result], removed)[0].observation.headers == [("REMOVED", "REMOVED")]
