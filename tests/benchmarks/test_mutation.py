"""The mutation tests' own parts: which mutants there are, where they run, which tests meet them, what is told."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cosmic_ray.mutating import mutate_code

from benchmarks.mutation import __main__ as command
from benchmarks.mutation.cage import Cage
from benchmarks.mutation.mutations import SUBJECTS, Mutant, sample
from benchmarks.mutation.near import Near
from benchmarks.mutation.recording import Lines
from benchmarks.mutation.removal import RemoveStatement
from benchmarks.mutation.verdicts import Equivalent, Ledger, Verdict, equivalents, summary, unexplained, wilson
from takeover.node import host

ROOT = Path(__file__).parents[2]
CODE = """\
def f(a: int | None, b: int = 1) -> int | None:
    if a is None:
        return None
    g(a)
    c = a + b
    c += 1
    while True:
        break
    h.x = c
    return c
"""
can_run = pytest.mark.skipif(
    not host.is_root() or ROOT.is_relative_to("/tmp"),  # noqa: S108
    reason="mutants run as root, in a project outside of /tmp",
)


def project(folder: Path, code: str) -> Path:
    """A project whose library is that one file."""
    (folder / "takeover" / "net").mkdir(parents=True, exist_ok=True)
    (folder / "takeover" / "net" / "f.py").write_text(code)
    return folder


def test_a_statement_with_an_effect_can_be_away() -> None:
    found = [mutate_code(CODE, RemoveStatement(), number) for number in range(6)]
    lines = CODE.splitlines()
    changed = [
        next(old.strip() for old, new in zip(lines, each.splitlines(), strict=True) if old != new)
        for each in found
        if each is not None
    ]

    assert changed == ["return None", "g(a)", "c += 1", "break", "h.x = c"]


def test_a_sample_changes_each_place_once_and_no_annotation(tmp_path: Path) -> None:
    found = list(sample(project(tmp_path, CODE), ["net"], "1"))

    assert {each.line for each in found} == {1, 2, 3, 4, 5, 6, 7, 8, 9}
    assert [(each.old, each.line) for each in found if each.line == 1] == [(CODE.splitlines()[0], 1)] * 1
    for each in found:
        assert each.code != CODE
        compile(each.code, "f.py", "exec")
        assert "int | None" in each.code.splitlines()[0]
    assert len({each.text for each in found}) == len(found)


def test_a_sample_is_one_of_a_seed_and_an_edit_elsewhere_leaves_it(tmp_path: Path) -> None:
    root = project(tmp_path, CODE)
    first = [each.text for each in sample(root, ["net"], "1")]
    assert [each.text for each in sample(root, ["net"], "1")] == first
    assert [each.text for each in sample(root, ["net"], "2")] != first

    project(tmp_path, f"X = 3\n\n\n{CODE}")
    assert [each.text for each in sample(root, ["net"], "1") if each.within] == first


def test_every_subject_has_files() -> None:
    for patterns in SUBJECTS.values():
        for pattern in patterns:
            assert list(ROOT.glob(pattern))


@pytest.fixture
def cage() -> Iterator[Cage]:
    folder = ROOT / ".mutants" / f"test-{os.getpid()}"
    yield Cage(ROOT, folder)
    left = [each for each in folder.glob("*/*") if each.name != "lines"]
    shutil.rmtree(folder)
    assert left == []


@can_run
def test_a_mutant_has_a_copy_of_its_own_and_nothing_else_to_write_to(cage: Cage) -> None:
    script = f"""
import os, socket, pathlib, takeover.net as changed
print(changed.__doc__, os.listdir("/tmp"), len(open("/proc/net/dev").readlines()) - 2, os.getpid())
pathlib.Path("takeover/new").touch()
for path in ("{ROOT}/new", "/etc/new"):
    try:
        pathlib.Path(path).touch()
    except OSError as error:
        print(error.strerror)
"""
    ended = cage.run(["-c", script], 300, {"takeover/net/__init__.py": '"""Changed."""\n'}, {})

    assert ended.output.splitlines() == ["Changed. [] 1 1", *["Read-only file system"] * 2]
    assert ended.code == 0
    assert not (ROOT / "takeover" / "new").exists()
    assert "Changed." not in (ROOT / "takeover" / "net" / "__init__.py").read_text()


@can_run
def test_mounts_that_another_one_covers_are_no_hindrance(cage: Cage) -> None:
    """As `ip netns` leaves them at /run/netns: what it binds there covers the namespaces of others."""
    covering = 'mkdir "$1/below"; mount -t tmpfs none "$1/below"; mount --bind "$1" "$1"; shift; exec "$@"'
    place = cage.kept / "covered"
    place.mkdir()
    code = f"""
from pathlib import Path
from benchmarks.mutation.cage import Cage
ended = Cage(Path({str(ROOT)!r}), Path({str(cage.kept.parent)!r})).run(["-c", "print('runs')"], 300, {{}}, {{}})
print(ended.code, ended.output)
"""
    command = ["unshare", "--mount", "sh", "-ec", covering, "sh", str(place), sys.executable, "-c", code]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    shutil.rmtree(place)

    assert (ended.stdout, ended.stderr) == ("0 runs\n\n", "")


@can_run
def test_when_its_time_is_over_all_that_it_started_ends(cage: Cage) -> None:
    name = f"mutant{os.getpid()}"
    script = f"import subprocess; subprocess.Popen(['setsid', 'sh', '-c', 'sleep 1000; : {name}'])"
    script += "; print('on', flush=True)\nimport time; time.sleep(1000)"
    ended = cage.run(["-c", script], 12, {}, {})

    assert (ended.code, ended.output) == (None, "on\n")
    assert name not in subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout


@can_run
def test_a_line_leads_to_the_tests_that_run_it(cage: Cage) -> None:
    told: list[str] = []
    file = "tests/evidence/test_rules.py"
    for _ in range(2):  # recorded once
        lines = Lines(ROOT, cage, told.append, [file])
    assert told == [f"recording {file}"]

    code = (ROOT / "takeover/evidence/rules.py").read_text()
    [raising] = [number for number, line in enumerate(code.splitlines(), 1) if "raise ValueError" in line]
    [tested] = lines.tests(Mutant("takeover/evidence/rules.py", "caught", "", "", 0, raising, ""))
    assert tested.endswith("::test_other_rules_than_before_are_not_compared")
    assert len(lines.tests(Mutant("takeover/evidence/rules.py", "", "", "", 0, 1, ""))) > 1
    assert lines.tests(Mutant("takeover/evidence/trace.py", "", "", "", 0, 1, "")) == []


RULES = ROOT / "takeover/evidence/rules.py"
CHANGED = Mutant("takeover/evidence/rules.py", "caught", "", "", 0, 1, "")


@can_run
@pytest.mark.parametrize(
    ("new", "failed"),
    [
        ("raise KeyError(", "tests/evidence/test_rules.py::test_other_rules_than_before_are_not_compared"),
        ("rise ValueError(", "exit code 3"),  # no Python
        ("raise ValueError(", ""),
    ],
)
def test_a_change_is_killed_by_the_tests_of_its_module(cage: Cage, new: str, failed: str) -> None:
    changed = RULES.read_text().replace("raise ValueError(", new)
    assert Near(ROOT, cage, {}).killed_by(CHANGED, {CHANGED.file: changed}) == failed


@can_run
def test_what_fails_without_the_change_too_kills_nothing(cage: Cage) -> None:
    name = "test_other_rules_than_before_are_not_compared"
    broken = {"tests/evidence/test_rules.py": f"def {name}() -> None:\n    assert False\n"}
    assert Near(ROOT, cage, broken).killed_by(CHANGED, broken) == ""
    assert Near(ROOT, cage, {}).killed_by(CHANGED, broken) == f"tests/evidence/test_rules.py::{name}"


def test_the_tests_of_a_module_have_its_name_or_import_it(tmp_path: Path) -> None:
    texts = {
        "evidence/test_rules.py": "",
        "evidence/test_one.py": "from takeover.evidence.rules import caught\n",
        "scene/test_two.py": "from takeover.evidence import (\n    other,\n    rules,\n)\n",
        "scene/test_three.py": "import takeover.evidence.rules_of_others\n",
        "net/test_four.py": "import takeover.evidence.rules\n",  # not of its subject
    }
    for name, text in texts.items():
        (tmp_path / "tests" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "tests" / name).write_text(text)
    found = Near(tmp_path, cage=None, without={}).files(CHANGED)  # type: ignore[arg-type]
    assert found == [f"tests/{each}" for each in list(texts)[:3]]


def verdict(mutant: str, outcome: str, subject: str = "net") -> Verdict:
    return Verdict(mutant, subject, outcome, "", 1.0)  # type: ignore[arg-type]


def test_the_last_verdict_counts(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "verdicts")
    for outcome in ("survived", "killed by tests"):
        ledger.add(verdict("a", outcome))
    ledger.add(verdict("b", "survived"))

    assert Ledger(tmp_path / "verdicts").verdicts == {
        "a": verdict("a", "killed by tests"), "b": verdict("b", "survived")
    }  # fmt: skip


def test_shares_leave_out_what_is_listed_and_have_wilsons_interval() -> None:
    verdicts = [verdict("same", "survived"), verdict("left", "survived")]
    verdicts += [verdict(f"{number}", "killed by tests") for number in range(9)]
    told = summary(verdicts, {"same"})

    assert told[1].startswith("net              11 mutants,   1 equivalent; killed 9 of 10: 90.0 % (59.6 to 98.2 %)")
    assert told[-2].startswith("all ")
    assert told[-1] == "survived: left"
    assert [each.mutant for each in unexplained(verdicts, {"same"})] == ["left"]
    low, high = wilson(85, 100)
    assert (round(low, 4), round(high, 4)) == (0.7672, 0.9069)


def test_what_is_listed_as_equivalent_is_in_the_library_still() -> None:
    assert len(equivalents(ROOT)) >= 1
    assert Equivalent("a.py", "x = 1", "x = 2", "why", "f", 1).text == "a.py f (2): x = 1 → x = 2"


@can_run
def test_a_sample_of_which_none_was_judged_is_no_success(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(command, "_FOLDER", tmp_path)
    monkeypatch.setattr("sys.argv", ["mutation", "--number", "1", "--minutes", "0", "--subject", "compare"])
    with pytest.raises(SystemExit) as ended:
        command.main()
    assert str(ended.value.code).startswith("no mutant was judged: ")
