"""The examples in docstrings are true."""

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAMED = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for package in ("reconciler", "watchers")
    for path in sorted((ROOT / package).rglob("*.py"))
    if "_artifacts" not in path.parts and ">>> " in path.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("name", NAMED)
def test_an_example_of_a_module_comes_out_as_it_says(name, monkeypatch):
    monkeypatch.chdir(ROOT)
    done = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert done.attempted
    assert not done.failed
