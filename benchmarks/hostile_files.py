"""Files of scenarios with one thing wrong that somebody might write, by accident or on purpose; seeded."""

import copy
import os
import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from takeover.base.errors import TakeoverError
from takeover.scenario.bundled import manifests
from takeover.scenario.yaml_text import parse_yaml, write_yaml

BASES = "bases"
BITS = [
    "&a ",
    "*a",
    "!!int ",
    "<<: ",
    "- ",
    ": ",
    "{",
    "]",
    "'",
    "\t",
    "\0",
    "|\n",
    "%YAML 9.9\n",
    "---\n",
    "? ",
    "~",
    "1e999",
    "\x1b[2J",
    "\u202e",
    "\u2028",
    "\x85",
    "\xff",
    "\n::error::x::\n",
    "$(",
    "..",
    "/",
]
"""What breaks a text that is YAML, or what takes it for one line."""
_NUMBERS = [-1, 0, 1, 65535, 65536, 2**31, 2**33, 2**63, 2**64 - 1, -(2**63), 0.5, 1e308, 0o4777]
_WORDS = [
    "",
    ".",
    "..",
    "...",
    "-",
    "a b",
    "a\nb",
    "a\0b",
    "a/b",
    "A" * 64,
    "a" * 254,
    "x" * 200_000,
    "ä",
    "\u202eabc",
    "\x1b[31mred",
    "::error::owned",
    "a\n::error file=x::owned",
    "$(A)",
    "$(A)$(A)",
    "$$",
    "$(",
    "${A}",
    "%s%n",
    "'",
    '"',
    "null",
    "true",
    "0644",
    "1e3",
    "127.0.0.1",
    "::1",
    "0.0.0.0/0",
    "-j DROP",
    "--help",
    "*",
    "[",
    "ALL",
    "CAP_SYS_ADMIN",
    "sys_admin",
    "root",
    "/proc/self/environ",
    "/proc/1/root",
    "/dev/zero",
    "/etc/passwd",
    "file:///etc/passwd",
    "default",
    "kube-system",
]
_PATHS = [
    "/tmp/{}",  # noqa: S108
    "../../../../../../../../tmp/{}",
    "../{}",
    "{}/../../{}",
    "/{}",
    "/proc/self/cwd/{}",
    "/dev/shm/{}",  # noqa: S108
]


@dataclass(frozen=True)
class Mutant:
    """A library with one scenario, of which a file was changed.

    Args:
        library: the folder.
        scenario: its scenario.
        file: which one was changed.
        what: how, in words that name the mutant.
    """

    library: Path
    scenario: str
    file: Path
    what: str


def mutants(seed: int, folder: Path, token: str) -> Iterator[Mutant]:
    """Mutants without end, each in the place of the one before.

    Args:
        seed: gives the same ones again.
        folder: where they are made.
        token: stands in every path that a mutant names: what has that name came of one.
    """
    chance = random.Random(seed)  # noqa: S311 - no secret
    source = manifests()
    scenarios = sorted(each.parent.name for each in source.glob("*/scenario.yaml"))
    number = 0
    while True:
        number += 1
        library, name = folder / str(number), chance.choice(scenarios)
        shutil.copytree(source / name, library / name)
        shutil.copytree(source / BASES, library / BASES)
        path, how = _mutate(library / name, library, chance, token)
        yield Mutant(library, name, path, f"mutant {number} of seed {seed}: {path.relative_to(library)}, {how}")
        shutil.rmtree(library)


def _mutate(scenario: Path, library: Path, chance: random.Random, token: str) -> tuple[Path, str]:
    files = sorted(each for each in scenario.rglob("*") if each.is_file())
    if chance.random() < 0.2:
        files = sorted(each for each in (library / BASES).rglob("*") if each.is_file())
    path = chance.choice(files)
    ways: list[Callable[[Path, random.Random, str], str]] = [_data, _data, _data, _data, _text]
    times = 1 if chance.random() < 0.7 else chance.randint(2, 4)
    how = [chance.choice(ways)(path, chance, token) for _ in range(times)]
    if chance.random() < 0.05:
        how.append(_kind(path, chance))
    return path, ", ".join(how)


def _data(path: Path, chance: random.Random, token: str) -> str:
    """Changes a value of a document."""
    try:
        documents = [each.value for each in parse_yaml(path.read_text(), path)]
        if path.suffix not in (".yaml", ".yml") or not documents:
            return _text(path, chance, token)
    except (TakeoverError, UnicodeDecodeError):
        return _text(path, chance, token)
    documents = copy.deepcopy(documents)
    places = [place for document in documents for place in _places(document)]
    if not places:
        return _text(path, chance, token)
    where, key = chance.choice(places)
    what = _change(where, key, chance, token)
    path.write_text("---\n".join(map(write_yaml, documents)))
    return f"{key}: {what}"


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in entries:
        yield value, key
        yield from _places(each)


def _change(where: Any, key: Any, chance: random.Random, token: str) -> str:
    match chance.randrange(9):
        case 0:
            del where[key]
            return "removed"
        case 1 if isinstance(where, list):
            where.append(copy.deepcopy(where[key]))
            return "twice"
        case 1 | 2 if isinstance(where, dict):
            new = _word(chance, token)
            where[new] = where.pop(key)
            return f"called {new[:40]!a}"
        case 3:
            where[key] = chance.choice([None, [], {}, [[]], {"a": {}}, True, [None], ""])
        case 4:
            where[key] = [copy.deepcopy(where[key])] * chance.choice([1, 2, 300])
        case 5:
            where[key] = chance.choice(_NUMBERS)
        case 6 if isinstance(where[key], str):
            at = chance.randint(0, len(where[key]))
            where[key] = where[key][:at] + chance.choice([_word(chance, token), *BITS]) + where[key][at:]
        case _:
            where[key] = _word(chance, token)
    return f"{where[key]!a:.60}"


def _word(chance: random.Random, token: str) -> str:
    return chance.choice(_PATHS).replace("{}", token) if chance.random() < 0.3 else chance.choice(_WORDS)


def _text(path: Path, chance: random.Random, token: str) -> str:
    """Changes bytes."""
    data = path.read_bytes()
    at = chance.randint(0, len(data))
    match chance.randrange(7):
        case 0:
            length = chance.randint(1, 40)
            data, what = data[:at] + data[at + length :], f"{length} bytes less at {at}"
        case 1:
            data, what = data[:at], f"ends at {at}"
        case 2:
            times = chance.choice([2, 100, 20_000])
            end = min(len(data), at + 40)
            data, what = data[:at] + data[at:end] * times + data[end:], f"40 bytes at {at} {times} times"
        case 3:
            data, what = data[:at] + chance.randbytes(8) + data[at:], f"any bytes at {at}"
        case 4:
            lines = data.splitlines(keepends=True)
            chance.shuffle(lines)
            data, what = b"".join(lines), "its lines in another order"
        case _:
            bit = chance.choice([*BITS, _word(chance, token)])
            data, what = data[:at] + bit.encode() + data[at:], f"{bit[:40]!a} at {at}"
    path.write_bytes(data)
    return what


def _kind(path: Path, chance: random.Random) -> str:
    """Makes it something else than a file."""
    path.unlink()
    kind = chance.choice(["pipe", "folder", "nothing", "long", "link out", "link to itself", "link to a device"])
    match kind:
        case "pipe":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case "long":
            with path.open("wb") as file:
                file.truncate(1 << 32)
        case "link out":
            path.symlink_to("/etc/passwd")
        case "link to itself":
            path.symlink_to(path.name)
        case "link to a device":
            path.symlink_to("/dev/zero")
    return f"made: {kind}"
