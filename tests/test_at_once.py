"""What failed is said as it comes, by whatever process it came from."""

from pathlib import Path

import pytest

from tests.run.outside import run

TESTS = "def test_a():\n    assert 1 == 2\n\n\ndef test_b():\n    pass\n"


@pytest.mark.parametrize("workers", ["-n0", "-n2"])
def test_a_failure_is_said_before_the_end(tmp_path: Path, workers: str) -> None:
    (tmp_path / "test_it.py").write_text(TESTS)
    result = run(str(tmp_path), workers, "-p", "tests.at_once")

    before, _, at_the_end = result.stdout.partition("= FAILURES =")
    assert "test_it.py::test_a failed:\n" in before
    assert "assert 1 == 2" in before
    assert "assert 1 == 2" in at_the_end
    assert "test_b failed" not in result.stdout
