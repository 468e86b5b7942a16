"""A hint is a command that is taken as it stands: whoever types it is not told that something is missing."""

import ast
import re
from pathlib import Path

import pytest

HINT = re.compile(r"froyo (?:approve|suspend|rollback) (?:X|--all|[\w-]+/)[^;`]*")
SOURCES = sorted(Path("reconciler").rglob("*.py"))


def _texts(path: Path) -> list[str]:
    """What a module says, with an X for each value that is put in."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.JoinedStr):
            found.append("".join(str(p.value) if isinstance(p, ast.Constant) else "X" for p in node.values))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.append(node.value)
    return found


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_what_needs_a_reason_is_hinted_at_with_one(path):
    hints = [hint for text in _texts(path) for hint in HINT.findall(text)]
    assert [hint for hint in hints if "--reason" not in hint] == []


def test_there_are_such_hints():
    assert any(HINT.search(text) for path in SOURCES for text in _texts(path))
