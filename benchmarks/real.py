"""How many configurations of a folder `takeover check` reads, runs and reaches: a table, and what failed and why.

`python -m benchmarks.real FOLDER --envoy OLD,NEW [--sample N] [--seed N] [--timeout SECONDS] [OPTIONS OF CHECK]`

Each file is checked alone, one after the other, by the command as people start it. What its source is, is told by the
folder in which it is. `--sample` takes so many files in all, in turns from each source, the same ones each time.
"""

import argparse
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec

from benchmarks.checked import STAGES, Outcome, checked

_KINDS = ("listener", "filter chain", "virtual host", "route", "cluster")
_HEADS = ("source", "files", *STAGES[1:], "probes", *(f"{each}s" for each in _KINDS), "differences", "unstable", "s")
_LONGEST_REASON = 300


def chosen(folder: Path, number: int | None, seed: int) -> list[tuple[str, Path]]:
    """Source and path of the files to check: those of a sample in turns from each source, else all of them."""
    sources: dict[str, list[Path]] = {}
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        within = path.relative_to(folder).parts
        sources.setdefault(within[0] if len(within) > 1 else ".", []).append(path)
    if number is None:
        return [(source, path) for source, paths in sources.items() for path in paths]
    for source, paths in sources.items():
        random.Random(f"{seed} {source}").shuffle(paths)  # noqa: S311 - nobody is to be kept from guessing
    found: list[tuple[str, Path]] = []
    while len(found) < number and any(sources.values()):
        found += [(source, paths.pop()) for source, paths in sources.items() if paths]
    return sorted(found[:number])


def table(outcomes: Sequence[Outcome]) -> list[str]:
    """A row of Markdown for each source, and one for all."""
    sources = sorted({each.source for each in outcomes})
    rows = [_row(source, [each for each in outcomes if each.source == source]) for source in sources]
    rows += [_row("all", outcomes)] if len(sources) > 1 else []
    return [_line(_HEADS), _line(["---"] * len(_HEADS)), *map(_line, rows)]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _row(source: str, of: Sequence[Outcome]) -> list[str]:
    reached = [each for each in of if each.stage == STAGES[-1]]
    parts = {kind: [each.parts.get(kind, (0, 0)) for each in reached] for kind in _KINDS}
    shares = [f"{sum(by for by, _ in each)}/{sum(there for _, there in each)}" for each in parts.values()]
    seconds = sorted(each.seconds for each in of)
    return [
        source,
        str(len(of)),
        *(str(sum(STAGES.index(each.stage) >= number for each in of)) for number in range(1, len(STAGES))),
        str(sum(each.probes for each in reached)),
        *shares,
        str(sum(each.differences for each in reached)),
        str(sum(each.unstable for each in reached)),
        f"{seconds[len(seconds) // 2]:.0f} ({seconds[-1]:.0f})",
    ]


def failures(outcomes: Sequence[Outcome]) -> list[str]:
    """What did not get through, a line each: the file, how far it came, and the reason."""
    return [
        f"{each.source}/{Path(each.file).name}: {each.stage}: {each.why[:_LONGEST_REASON]}"
        for each in outcomes
        if each.stage != STAGES[-1] or each.why
    ]


def main() -> None:
    """Checks all of them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="with a folder for each source, or files alone")
    parser.add_argument("--envoy", required=True, metavar="ENVOY[,ENVOY…]", help="as takeover check has it")
    parser.add_argument("--sample", type=int, metavar="N", help="check so many of them (default: all)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="another sample for another number")
    parser.add_argument("--timeout", type=float, default=300, metavar="SECONDS", help="for each file (default: 300)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what came of each file there, too")
    options, more = parser.parse_known_args()
    if not options.folder.is_dir():
        parser.error(f"{options.folder}: is no folder")
    files = chosen(options.folder, options.sample, options.seed)
    if not files:
        parser.error(f"{options.folder}: holds no file")
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory() as folder:
        for number, (source, path) in enumerate(files, 1):
            outcomes.append(checked(source, path, options.envoy, more, options.timeout, Path(folder) / str(number)))
            print(f"{number}/{len(files)} {outcomes[-1].told()}", file=sys.stderr, flush=True)
            if options.json is not None:
                options.json.write_bytes(msgspec.json.format(msgspec.json.encode(outcomes), indent=1))
    print(*table(outcomes), "", *failures(outcomes), sep="\n")
    stages = Counter(each.stage for each in outcomes)
    print("", ", ".join(f"{each}: {stages[each]}" for each in STAGES if stages[each]), sep="\n")


if __name__ == "__main__":
    main()
