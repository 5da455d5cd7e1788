"""What tells whether a proof is of what is there now: one hash of an Envoy, a group's configuration and its probes."""

import dataclasses
import hashlib
from pathlib import Path

import msgspec

from takeover.model.release import Release
from takeover.probes.probe import Group, Probe
from takeover.scenario.library import Library

_LENGTH = 16
_PLACE = "where"
"""The field that tells in which line something is written: what moves there stays what it is."""


def fingerprint(library: Library, group: Group, release: Release) -> str:
    """The hash, in hexadecimal, of all that changes what is deployed, what is asked, and what of that is observed."""
    scenario = library.scenario(group.scenario, group.bases).edited(group.edits)
    told = [
        release.sha256,
        scenario.objects(),
        scenario.config_maps(),
        repr(scenario.bind),
        scenario.delivery,
        [_fields(each) for each in (*scenario.envoys, *scenario.destinations, *scenario.controls)],
        group.asks_upstream,
        [_of_probe(each) for each in group.probes],
    ]
    return hashlib.sha256(msgspec.json.encode(told, order="sorted", enc_hook=repr)).hexdigest()[:_LENGTH]


def _of_probe(probe: Probe) -> dict[str, object]:
    # In its protocol's own form, whose types tell apart steps that have the same fields.
    told = _fields(probe) | {"protocol": probe.protocol.name, "sends": repr(probe.sends)}
    if not probe.source_address:  # of probes that have none the proofs are older than the field
        del told["source_address"]
    if (tls := probe.layers.tls) is not None:
        told["layers"] = [probe.layers.proxy, tls.offer, tls.hello, _content(tls.certificate), _content(tls.key)]
    return told


def _fields(record: object) -> dict[str, object]:
    assert dataclasses.is_dataclass(record)
    return {each.name: getattr(record, each.name) for each in dataclasses.fields(record) if each.name != _PLACE}


def _content(file: Path | None) -> bytes:
    return b"" if file is None else file.read_bytes()
