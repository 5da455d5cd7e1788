"""Requests of our own probe files: groups of probes, or a list of probes as sets have it."""

from collections.abc import Iterator
from pathlib import Path

from takeover.base.errors import BadInputError
from takeover.base.paths import display_path
from takeover.check.given.http_request import HttpRequest, split_authority
from takeover.model.json import JsonObject
from takeover.probes.protocols.contract import named
from takeover.scenario.typed_yaml import Json, convert
from takeover.scenario.yaml_text import Key, YamlDocument, describe_type, parse_yaml

_OF_GROUP = ("protocol", "tls", "proxy", "host")
_OF_DEPLOYMENT = ("from", "container", "to")


def requests(text: str, path: Path) -> Iterator[HttpRequest]:
    """The probes of the file, each with what its group says for all of them.

    Raises: BadInputError "FILE:LINE: …" for what is no list of probes or groups.
    """
    documents = list(parse_yaml(text, path))
    if len(documents) != 1 or not isinstance(documents[0].value, list):
        what = describe_type(documents[0].value) if len(documents) == 1 else f"{len(documents)} documents"
        raise BadInputError(f"{display_path(path)}:1: {what}: give probes, curl lines, a HAR or an access log in JSON")
    [document] = documents
    for number, each in enumerate(document.value):
        if isinstance(each, dict) and isinstance(listed := each.get("probes"), list):
            for inner, probe in enumerate(listed):
                yield _request(document, (number, "probes", inner), probe, each)
        else:
            yield _request(document, (number,), each, {})


def _request(document: YamlDocument, at: tuple[Key, ...], probe: Json, group: JsonObject) -> HttpRequest:
    if not isinstance(probe, dict) or not isinstance(probe.get("name"), str):
        raise BadInputError(f"{document.where(*at)}: a probe is a mapping with a name")
    _check(document, at, probe, str(probe.get("protocol", group.get("protocol", "http1"))))
    entry = {key: group[key] for key in _OF_GROUP if key in group} | probe
    fields = named(str(entry.get("protocol", "http1"))).entry.__struct_encode_fields__
    if "host" not in probe and "host" not in fields:
        entry.pop("host", None)
    to = entry.get("to", group.get("to"))
    to = to if isinstance(to, dict) else {}
    prefix = group.get("prefix") if "path" in fields else None
    if isinstance(prefix, str) and str(entry.get("path", "/")).startswith("/"):
        entry["path"] = prefix + str(entry.get("path", "/"))
    authority = entry.get("host")
    host, port = split_authority(authority if isinstance(authority, str) else str(to.get("host", "")))
    said = to.get("port")
    kept = {key: value for key, value in entry.items() if key not in _OF_DEPLOYMENT}
    port = said if isinstance(said, int) else port
    return HttpRequest(kept, host, port, bool(entry.get("tls")), int(document.where(*at).rpartition(":")[2]))


def _check(document: YamlDocument, at: tuple[Key, ...], probe: JsonObject, protocol: str) -> None:
    """Raises: BadInputError for a field that a probe of the protocol has not, or of which it has another type."""
    wanted = {key: value for key, value in probe.items() if key not in _OF_DEPLOYMENT}
    lines = {keys[len(at) :]: line for keys, line in document.lines.items() if keys[: len(at)] == at}
    try:
        kind = named(protocol).entry
    except BadInputError as error:
        raise BadInputError(f"{document.where(*at)}: {error}") from None
    convert(YamlDocument(document.path, wanted, lines), kind)
