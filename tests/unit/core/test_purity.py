"""The core decides; it does not look, wait or roll dice."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import reconciler.core

MODULES = sorted(Path(reconciler.core.__path__[0]).glob("*.py"))
PURE = {
    "__future__", "base64", "collections", "collections.abc", "dataclasses", "difflib", "enum", "fnmatch", "hashlib",
    "heapq", "hmac", "json", "re", "typing", "urllib.parse",
}  # fmt: skip


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_a_module_of_the_core_imports_only_what_can_do_nothing(module):
    imported = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module)
    ours = ("reconciler.core.", "reconciler.model.", "reconciler.errors")
    assert {name for name in imported if not name.startswith(ours)} <= PURE
