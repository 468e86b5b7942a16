"""The map is true: what the pages that lead through the house name as a file is one."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "page", ["docs/architecture.md", "CONTRIBUTING.md", "docs/simulation.md", "docs/critiques.md"]
)
def test_every_file_that_is_named_is_there(page: str) -> None:
    files = {
        str(path.relative_to(ROOT))
        for top in ("micro_runner", "providers", "reconciler", "tests", "watchers")
        for path in (ROOT / top).rglob("*")
        if "_artifacts" not in path.parts
    }
    files |= {path.name for path in ROOT.iterdir()}
    named = set(re.findall(r"`([a-z_][a-z_0-9./-]*\.(?:py|go|md))`", (ROOT / page).read_text()))
    known = {file for file in named if (ROOT / file).exists() or (ROOT / page).parent.joinpath(file).exists()}
    # Named by the end of its path, as `core/graph.py` is.
    known |= {file for file in named if any(there.endswith(f"/{file}") for there in files)}
    assert named - known == set()


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, id=page.parent.name)
        for page in sorted(ROOT.glob("providers/*/README.md"))
        if "`plugin.py`" in page.read_text()
    ],
)
def test_a_package_that_lists_its_modules_lists_all_of_them(page: Path) -> None:
    named = set(re.findall(r"`([a-z_]+\.py)`", page.read_text()))
    assert {path.name for path in page.parent.glob("*.py")} <= named
    assert named <= {path.name for path in page.parent.rglob("*.py")}
