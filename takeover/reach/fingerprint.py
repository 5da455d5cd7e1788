"""What tells whether a proof is of what is there now: one hash of an Envoy, a group's configuration and its probes."""

import hashlib

import msgspec

from takeover.model.release import Release
from takeover.probes.probe import Group
from takeover.scenario.library import Library

_LENGTH = 16


def fingerprint(library: Library, group: Group, release: Release) -> str:
    """The hash, in hexadecimal."""
    scenario = library.scenario(group.scenario, group.bases).edited(group.edits)
    told = [
        release.sha256,
        scenario.objects(),
        scenario.config_files(),
        [each.request for each in group.probes],
        [each.within for each in group.probes],
    ]
    return hashlib.sha256(msgspec.json.encode(told, order="sorted", enc_hook=repr)).hexdigest()[:_LENGTH]
