"""One class of a name: whoever reads it knows which one is meant, and a search finds no other.

The SDK has its own, which are the same things as a plugin's author sees them.
"""

import ast
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_no_two_classes_of_the_engine_have_one_name() -> None:
    places: dict[str, list[str]] = defaultdict(list)
    for package in ("reconciler", "watchers"):
        for path in sorted((ROOT / package).rglob("*.py")):
            if "_artifacts" in path.parts:
                continue
            for node in ast.parse(path.read_text()).body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    places[node.name].append(str(path.relative_to(ROOT)))
    assert {name: where for name, where in places.items() if len(where) > 1} == {}
