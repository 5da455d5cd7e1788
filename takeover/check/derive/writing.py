"""Writes chosen probes as a probes.yaml: in groups that one Envoy can take, each value as JSON has it."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from takeover.check.derive.buckets import LIMITED, MOST_GROUPS
from takeover.check.derive.draft import Draft
from takeover.check.records import Target
from takeover.model.json import JsonObject

_CONTROLS = re.compile("[\x7f-\x9f\ufffe\uffff]")
PER_GROUP = 400
"""As many probes as are asked of one Envoy at most."""

_WHY = {
    "chains": "which filter chain takes a connection, and which just does not",
    "routes": "which route takes a request, and for each of its conditions one that it just does not take",
    "tcp": "bytes, ends and resets of either side",
    "edges": "the edges of what is configured",
    "upstream": "what becomes of upstreams that answer wrongly, late or not at all",
    "limits": "limits, and one beyond",
    "own": "what was asked for",
    **{f"{LIMITED}-{number + 1}": "what passes a limit of requests, within it" for number in range(MOST_GROUPS)},
}
SUBJECTS = tuple(_WHY)
"""Of groups, in their order."""

# Of a group's probes most have one of these alike: it stands in the group.
_SHARED = ("from", "container", "to", "tls", "proxy", "host")
_IN_GROUP_ALONE = {"host": ("probe.example", ("tcp",))}


def written(drafts: Iterable[Draft], edits: Sequence[JsonObject] = ()) -> tuple[str, tuple[Target, ...]]:
    """The text of probes.yaml, and what each probe aims at."""
    by_subject = defaultdict[str, list[Draft]](list)
    for each in drafts:
        by_subject[each.subject].append(each)
    parts, targets = list[str](), list[Target]()
    for subject in SUBJECTS:
        of_subject = by_subject[subject]
        number = -(-len(of_subject) // PER_GROUP)
        for place in range(number):
            share = of_subject[place * PER_GROUP : (place + 1) * PER_GROUP]
            name = subject if number == 1 else f"{subject}-{place + 1}"
            parts.append(_group(name, _WHY[subject], share, edits, targets))
    return "".join(parts), tuple(targets)


def _group(name: str, why: str, drafts: Sequence[Draft], edits: Sequence[JsonObject], targets: list[Target]) -> str:
    shared = {key: _most_common(drafts, key) for key in _SHARED}
    head: JsonObject = {"group": name, "why": why}
    if edits:
        head["edits"] = list(edits)
    head |= {key: value for key, value in shared.items() if value is not None}
    lines = [f"{'- ' if not place else '  '}{key}: {_json(value)}\n" for place, (key, value) in enumerate(head.items())]
    lines.append("  probes:\n")
    names = set[str]()
    for draft in drafts:
        called = _told_apart(draft.name, names)
        lines += _probe(called, draft.entry, shared)
        targets.append(
            Target(
                probe=f"{name}/{called}",
                listener=draft.listener,
                chain=draft.chain,
                host=draft.host,
                scope=draft.scope,
                route=draft.route,
                condition=draft.condition,
                expects=draft.expects,
            )
        )
    return "".join(lines)


def _told_apart(name: str, names: set[str]) -> str:
    called, number = name, 1
    while called in names:
        number += 1
        called = f"{name}-{number}"
    names.add(called)
    return called


def _probe(name: str, entry: JsonObject, shared: JsonObject) -> list[str]:
    lines = [f"  - name: {_json(name)}\n"]
    for key, value in entry.items():
        if shared.get(key) != value or value is None:
            lines.append(f"    {key}: {_json(value)}\n")
    lines += [f"    {key}: null\n" for key in ("tls", "proxy") if shared.get(key) is not None and key not in entry]
    return lines


def _most_common(drafts: Sequence[Draft], key: str) -> Any:
    # A group has no empty authority, which a domain may be.
    counted = Counter(_json(each.entry[key]) for each in drafts if each.entry.get(key) not in (None, ""))
    if not counted:
        return None
    value, number = counted.most_common(1)[0]
    # What a probe need not have must not be forced on the others by a few.
    return msgspec.json.decode(value) if key not in {"tls", "proxy"} or number * 2 > len(drafts) else None


def _json(value: Any) -> str:
    # YAML takes no control characters but by their numbers: JSON takes those from DEL on as they are.
    return _CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", msgspec.json.encode(value).decode())
