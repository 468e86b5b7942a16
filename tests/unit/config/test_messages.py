"""Every message as a person reads it: tests/unit/config/cases/*.txt hold the files and what is said of them.

A case is a few files, each after a line `=== NAME`, and the expected problems and warnings after `=== says`.
"""

from pathlib import Path

import pytest

from reconciler.errors import ConfigError
from tests.unit.config.world import TARGET, loaded

CASES = sorted((Path(__file__).parent / "cases").glob("*.txt"))


def parse(text: str) -> tuple[dict[str, str], str]:
    parts = text.split("=== ")
    sections = dict(part.split("\n", 1) for part in parts[1:])
    said = sections.pop("says")
    return sections, said


def said(files: dict[str, str]) -> str:
    try:
        warnings = loaded(files | {"targets.yaml": TARGET}).warnings
    except ConfigError as error:
        lines = []
        for problem in error.problems:
            lines.append(f"{problem.location}: {problem.message}")
            if problem.hint:
                lines.append(f"  hint: {problem.hint}")
            if problem.excerpt:
                lines.append(f"  | {problem.excerpt}")
                lines.append(f"  | {' ' * problem.caret}^")
        return "\n".join(lines) + "\n"
    return "".join(f"warning: {warning}\n" for warning in warnings)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_says(case: Path) -> None:
    files, expected = parse(case.read_text())
    assert said(files) == expected
