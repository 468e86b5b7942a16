"""The tables of what Ansible's tests show name cases of the runner's tests that there are."""

import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent
TEXT = (HERE.parents[2] / "micro_runner" / "internal" / "text" / "text_test.go").read_text()


@pytest.mark.parametrize("table", sorted(HERE.glob("ansible_*.md")), ids=lambda one: one.stem)
def test_each_case_that_is_named_is_there(table: Path) -> None:
    cases = [
        case
        for listed in re.findall(r"\b[LB] (`[^`]+`(?:, `[^`]+`)*)", table.read_text())
        for case in re.findall(r"`([^`]+)`", listed)
        if not case.startswith(("test_", "Test"))
    ]
    assert len(cases) > 30
    assert [one for one in cases if f'"{one}"' not in TEXT] == []
