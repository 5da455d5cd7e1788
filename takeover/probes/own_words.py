"""What Envoy writes of itself, without what is of chance in it: its log's lines, its warnings, a config's errors."""

import json
import re

from takeover.model.json import WrittenNumber, encode
from takeover.probes.normal_rules import TEXT_STEPS, Rule
from takeover.probes.removals import applied


def _without_its_field(found: re.Match[str]) -> str:
    return f"a oneof has already been set{f' (in {found[1]})' if found[1] else ''}"


def _in_key_order(found: re.Match[str]) -> str:
    """JSON objects with their keys sorted, and what stands between them; what is none stays, and what follows it."""
    done, text = "", found[0]
    while text:
        try:
            content, end = JSON.raw_decode(text)
            done += encode(content, order="sorted").decode()
        except (ValueError, RecursionError):
            return done + text
        between, begin, rest = text[end:].partition('{"')
        done, text = done + between, begin + rest
    return done


JSON = json.JSONDecoder(parse_float=WrittenNumber)

PROTOBUF_MARK = Rule(
    "protobuf-mark",
    re.compile(r"goo\.gle/debug(?:only|str|proto)(?:\s+|$)"),
    "goo.gle/debug ",
    "protobuf begins what it prints for people with words and blanks of chance, so that no program reads it",
)

OWN_WORDS_RULES = (
    PROTOBUF_MARK,
    Rule(
        "log-time",
        re.compile(r"^\[[-0-9]+ [:.0-9]+\]\[\d+\]"),
        "",
        "a line of Envoy's log begins with its time and its thread's number",
    ),
    Rule(
        "source-line",
        re.compile(r" ?\[(?:\./)?[\w./-]+\.(?:cc|h):\d+\]"),
        "",
        "the lines of Envoy's source move with every release, whatever they do",
    ),
    Rule(
        "connection-number",
        re.compile(r'\[C\d+\](?:\[S\d+\])?|\[Tags: [^\]]*\]|"(?:ConnectionId|StreamId)":"\d+"|(?<=on connection )\d+'),
        "<connection>",
        "Envoy counts its connections since its start and gives each stream a number of chance",
    ),
    Rule(
        "protobuf-place",
        re.compile(r"near \d+:\d+ \(offset \d+\)"),
        "near <place>",
        "protobuf prints its messages with blanks of chance, which moves the offsets in them",
    ),
    Rule(
        "protobuf-blanks",
        re.compile(r"(?<=\S)  +(?=\S)"),
        " ",
        "protobuf puts blanks of chance into what it prints, so that nobody compares it byte by byte",
    ),
    Rule(
        "oneof-field",
        re.compile(
            r"'\w+' has already been set \(either directly or as part of a oneof\)(?: \(in ([\w.\[\]]+)\.\w+\))?"
        ),
        _without_its_field,
        "of the fields that exclude each other Envoy names the one that it comes by last, in an order of chance",
    ),
    Rule(
        "key-order",
        re.compile(r'\{"(?s:.*)'),
        _in_key_order,
        "Envoy prints a config that it rejects with the keys of its objects in an order of chance",
    ),
)
"""Of what Envoy writes of itself besides: its log's lines, its warnings, and the errors of a config."""

OWN_WORDS_STEPS = (*(rule.step for rule in OWN_WORDS_RULES), *TEXT_STEPS)
"""What is done to what Envoy writes of itself."""


def own_words_without_chance(text: str) -> str:
    """What Envoy writes of itself, a line of its log or the error of a config, likewise."""
    return applied(OWN_WORDS_STEPS, text)
