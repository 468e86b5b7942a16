"""The table of what Ansible's tests show names tests that there are."""

import re
from pathlib import Path

HERE = Path(__file__).parent
RUNNER = HERE.parents[2] / "micro_runner" / "internal" / "archive" / "archive_test.go"


def test_each_test_that_is_named_is_there() -> None:
    tests = RUNNER.read_text() + "".join(one.read_text() for one in HERE.glob("test_*.py"))
    named = re.findall(r"`(test_\w+|Test\w+)`", (HERE / "ansible_unarchive.md").read_text())
    assert len(named) > 20
    assert [one for one in named if f"def {one}(" not in tests and f"func {one}(" not in tests] == []
