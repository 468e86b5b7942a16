"""The table of what Ansible's tests show names tests that there are."""

import re
from pathlib import Path

HERE = Path(__file__).parent


def test_each_test_that_is_named_is_there() -> None:
    tests = "".join(one.read_text() for one in HERE.glob("test_*.py"))
    named = re.findall(r"`(test_\w+)`", (HERE / "ansible_systemd_service.md").read_text())
    assert len(named) > 25
    assert [one for one in named if f"def {one}(" not in tests] == []
