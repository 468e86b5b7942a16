"""What goes wrong in the tasks of a group, on every Python that is supported."""

import ast
import asyncio
from pathlib import Path

import pytest

from reconciler.runtime import ungrouped

ROOT = Path(__file__).parents[2]


async def fail(error):
    raise error


async def groups():
    async with asyncio.TaskGroup() as outer, asyncio.TaskGroup() as inner:
        inner.create_task(fail(LookupError("first")))
        outer.create_task(asyncio.sleep(3600))


async def test_what_a_task_of_a_group_raises_is_raised_as_it_is():
    with pytest.raises(LookupError, match="first"), ungrouped():
        await groups()


async def test_what_is_raised_beside_a_group_is_left_alone():
    with pytest.raises(KeyError), ungrouped():
        raise KeyError


@pytest.mark.parametrize("package", ["reconciler", "watchers", "providers/sdk"])
def test_nothing_is_raised_within_a_handler_of_groups(package):
    """Before Python 3.11.4, which Debian 12 has, it is raised as a group, which nobody expects."""
    found = [
        f"{file}:{node.lineno}"
        for file in (ROOT / package).rglob("*.py")
        for block in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(block, ast.TryStar)
        for handler in block.handlers
        for node in ast.walk(handler)
        if isinstance(node, ast.Raise)
    ]
    assert found == []
