"""How large the runner is, as pages say it, is how large it is."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RUNNER = ROOT / "reconciler" / "_artifacts" / "runner-linux-amd64"
PAGES = {
    "README.md": r"binary of ([\d.]+) MB, of which ([\d.]+) MB go",
    "docs/architecture.md": r"binary of ([\d.]+) MB, of which ([\d.]+) MB go",
    "docs/spec/manifests.md": r"without it ([\d.]+) MB are sent instead of ([\d.]+) MB",
}


@pytest.mark.parametrize("page", PAGES)
def test_a_page_says_what_the_runner_weighs(page):
    found = re.search(PAGES[page], (ROOT / page).read_text())
    assert found is not None
    whole, sent = (path.stat().st_size / 1e6 for path in (RUNNER, RUNNER.with_suffix(".gz")))
    assert float(found[1]) == pytest.approx(whole, rel=0.1)
    assert float(found[2]) == pytest.approx(sent, rel=0.1)
