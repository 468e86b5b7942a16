"""The tables of what Ansible's own tests show name tests of ours that there are."""

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TABLES = sorted((ROOT / "tests").rglob("ansible_*.md"))


@cache
def known() -> set[str]:
    """The names of all tests, in Python and in Go, and of the files that they are in."""
    files = [*(ROOT / "tests").rglob("test_*.py"), *(ROOT / "micro_runner").rglob("*_test.go")]
    named = {file.stem for file in files}
    for file in files:
        named |= set(
            re.findall(
                r"^ *(?:async def|def|func|class) (test_\w+|Test\w+)\b", file.read_text(), re.MULTILINE
            )
        )
    return named


def test_there_is_one_for_each_module_that_is_replaced() -> None:
    assert len(TABLES) >= 7


@pytest.mark.parametrize("table", TABLES, ids=lambda one: one.stem)
def test_each_test_that_is_named_is_there(table: Path) -> None:
    named = set(re.findall(r"`(test_\w+|Test\w+)`", table.read_text()))
    assert len(named) > 4
    assert named - known() == set()
