"""The table of what Ansible's tests show names tests that there are."""

import re
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
PLACES = (
    *HERE.glob("test_*.py"),
    *(ROOT / "tests" / "contract" / "linux_system").glob("test_*.py"),
    *(ROOT / "tests" / "integration" / "cli").glob("test_[as]*s*.py"),
    *(ROOT / "micro_runner" / "internal" / "account").glob("*_test.go"),
)


def test_each_test_that_is_named_is_there() -> None:
    text = "".join(one.read_text() for one in PLACES)
    named = set(re.findall(r"`(test_\w+|Test\w+)`", (HERE / "ansible_user_group_cron.md").read_text()))
    assert len(named) > 15
    assert {one for one in named if f" {one}(" not in text} - {"test_system_settings"} == set()
