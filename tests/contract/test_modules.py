"""A module holds one concept in about 200 lines; one that takes more than 300 says why, where it is read first."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
TOPS = ("examples", "providers", "reconciler", "watchers")
MOST = 300
SAID = "longer than a module should be"
MADE = "Made by "


def test_a_module_of_more_than_300_lines_says_why_and_no_other_does() -> None:
    wrong = []
    for path in (
        ROOT / "hatch_build.py",
        *(one for top in TOPS for one in sorted((ROOT / top).rglob("*.py"))),
    ):
        if "_artifacts" in path.parts:
            continue
        name = path.relative_to(ROOT)
        text = path.read_text()
        said = " ".join((ast.get_docstring(ast.parse(text)) or "").split())
        if said.startswith(MADE):
            continue
        lines = len(text.splitlines())
        if lines > MOST and SAID not in said:
            wrong.append(
                f"{name} has {lines} lines: part what holds two concepts, or say in its docstring why it is {SAID}"
            )
        elif lines <= MOST and SAID in said:
            wrong.append(f"{name} has {lines} lines, and says that it is {SAID}")
    assert wrong == []
