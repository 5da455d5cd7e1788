"""The runs that `benchmarks.kills` ends, where each of them works, and when it is ended."""

import itertools
import random
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.interrupting import console_script, set_up_clone
from benchmarks.leftovers import ROOT
from takeover.base import cache
from takeover.envoy.pypi import installed

# A difference of the published results whose Envoy is the installed one, or would be downloaded first.
_OLD, _NEW, _DIFFERENCE = "1.36.4", "1.40.0", "67dbb70a"
_DOWNLOADED = "1.39.3"
_PYTEST = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-c", str(ROOT / "pyproject.toml")]
_PYTEST += ["--rootdir", str(ROOT), str(ROOT / "suites")]
_ONE = ["-n0", "-k", "inbound"]


class Worksite:
    """A folder for runs that come one after another, with a clone, and caches that begin empty.

    Args:
        folder: an empty one.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._numbers = itertools.count(1)
        (folder / "clone").mkdir()
        self.clone = set_up_clone(folder / "clone", "suites", "fixtures", "conftest.py")

    def new_folder(self) -> Path:
        """An empty one, for the temporary files of a run."""
        folder = self.folder / f"{next(self._numbers):04}"
        folder.mkdir()
        return folder

    def cache(self, name: str) -> Path:
        """The value of XDG_CACHE_HOME for runs that are the first ones there."""
        return self.folder / f"cache-{name.replace(' ', '-')}"


@dataclass(frozen=True)
class Victim:
    """A kind of run.

    Args:
        program: of a folder for its results.
        seconds: how long it takes on an idle machine; what it really took replaces that.
        share: how many of a hundred kills, and of a hundred interrupts.
        is_script: begins as `./run` in a clone.
        code: its exit code where nobody ends it.
        first: what it is the first run for, in a cache of its own: that of a root file system or of an Envoy.
    """

    program: Callable[[str], list[str]]
    seconds: float
    share: tuple[int, int]
    is_script: bool = False
    code: int = 0
    first: str = ""

    def left_in(self, home: Path, *, may_begin_anew: bool) -> list[str]:
        """What lies half done in its cache.

        Args:
            home: the value of XDG_CACHE_HOME.
            may_begin_anew: one thing may lie there that the next run will remove.
        """
        folder = home / "envoy-takeover"
        found = [*folder.glob("envoy/.download-*"), *folder.glob("lab/*.partial*")]
        return [] if may_begin_anew and len(found) < 2 else [str(each) for each in found]

    def is_done(self, home: Path) -> bool:
        """Whether what it is the first run for lies there whole."""
        folder = home / "envoy-takeover"
        whole = f"envoy/{_DOWNLOADED}/envoy" if self.first == "envoy" else "lab/*[0-9]/about.json"
        return any(folder.glob(whole))


def _pytest(*arguments: str) -> Callable[[str], list[str]]:
    return lambda reports: [*_PYTEST, f"--reports={reports}", *arguments]


def _script(*arguments: str) -> Callable[[str], list[str]]:
    return lambda reports: ["./run", f"--reports={reports}", *arguments]


def _command(*arguments: str) -> Callable[[str], list[str]]:
    return lambda _: [sys.executable, "-c", console_script("takeover"), *arguments]


def _published(version: str) -> str:
    return str(ROOT / "reports/versions" / f"{version}.json")


def _two_envoys(*arguments: str) -> list[str]:
    binary = installed()[1]
    return [f"--envoy=a={binary},b={binary}", *arguments]


_COMPARED = (_published(_OLD), _published(_NEW))
VICTIMS = {
    "suites, one process": Victim(_pytest("-n0"), 8, (18, 10)),
    "suites, two workers": Victim(_pytest("-n2"), 8, (18, 10)),
    "several Envoys": Victim(_pytest("-n2", *_two_envoys("--probes")), 20, (12, 6)),
    "probes": Victim(_pytest("-n0", "--probes", "-m", "probes"), 8, (12, 8)),
    "takeover explain": Victim(_command("explain", _DIFFERENCE, *_COMPARED), 8, (12, 14)),
    "takeover compare": Victim(_command("compare", *_COMPARED), 1, (6, 12), code=1),
    "first root file system": Victim(_pytest(*_ONE), 20, (11, 5), first="lab"),
    "first download": Victim(_pytest(f"--envoy={_DOWNLOADED}", "--collect-only", "-q"), 8, (11, 5), first="envoy"),
    "./run": Victim(_script("-n0"), 8, (0, 18), is_script=True),
    "./run, two workers": Victim(_script("-n2"), 8, (0, 12), is_script=True),
}


@dataclass(frozen=True)
class Case:
    """One end of one run.

    Args:
        victim: its name.
        is_kill: by kill -9, else by Ctrl-C.
        moment: where in the run's whole time, from 0 to 1.
        early: seconds from its beginning instead.
        again: seconds after a first Ctrl-C until another one.
        is_for_all: Ctrl-C reaches all of the run's processes, as from a terminal; else the main one alone.
    """

    number: int
    victim: str
    is_kill: bool
    moment: float
    early: float | None = None
    again: float | None = None
    is_for_all: bool = True

    @property
    def kind(self) -> str:
        """`kill` or `interrupt`."""
        return "kill" if self.is_kill else "interrupt"


def cases(seed: int, kills: int, interrupts: int, victims: dict[str, Victim]) -> list[Case]:
    """The same ones for the same seed, in an order by chance."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    found = list[Case]()
    for is_kill, number in ((True, kills), (False, interrupts)):
        shares = {name: each.share[0 if is_kill else 1] for name, each in victims.items()}
        total = sum(shares.values())
        # As many of each as its share says, by whole numbers: what is over goes to the first ones.
        names = [name for name, share in shares.items() for _ in range(number * share // total)]
        names += [name for name, share in shares.items() if share][: number - len(names)]
        for name in names:
            early = None if is_kill or chance.random() < 0.5 else 10 ** chance.uniform(-3, 0)
            again = None if is_kill or chance.random() < 0.7 else 10 ** chance.uniform(-3, 0)
            found.append(Case(len(found), name, is_kill, chance.random(), early, again, chance.random() < 0.75))
    chance.shuffle(found)
    return found


def empty(home: Path, environment: dict[str, str]) -> str:
    """Empties a cache by `takeover clean --cache`. Returns what was wrong with it."""
    ended = subprocess.run(
        _command("clean", "--cache", "--yes")(""),
        env={**environment, "XDG_CACHE_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode != 0:
        return f"takeover clean --cache ended with {ended.returncode}: {ended.stdout}{ended.stderr}"
    left = [str(each) for each in (home / cache.cache_folder().name).glob("*/*") if each.name != "lock"]
    return f"takeover clean --cache left {left}" if left else ""
