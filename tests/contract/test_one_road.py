"""What is concluded takes one road: a verdict, a report, the store. Nobody makes a condition or an event apart."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("made", "by"),
    [
        # The store gives back what was made once.
        ("Condition", {"reconciler/core/conditions.py", "reconciler/store/codec.py"}),
        # Who follows is told what is not kept any more, in the place of that.
        (
            "Event",
            {
                "reconciler/engine/report.py",
                "reconciler/store/journals.py",
                "reconciler/api/following.py",
            },
        ),
        ("set_condition", {"reconciler/core/conditions.py"}),
        ("conclude_on", {"reconciler/engine/loop/reachability.py", "reconciler/engine/intake/telling.py"}),
    ],
)
def test_there_is_one_place_where_it_is_made(made: str, by: set[str]) -> None:
    found = set()
    for path in sorted((ROOT / "reconciler").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                if called.rpartition(".")[2] == made and called not in {"asyncio.Event", "threading.Event"}:
                    found.add(str(path.relative_to(ROOT)))
    assert found == by
