"""The table of what Ansible's tests show names tests that there are."""

import re
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[2]


def test_each_test_that_is_named_is_there():
    places = [
        *HERE.glob("test_*.py"),
        ROOT / "tests" / "e2e" / "test_packages.py",
        *(ROOT / "micro_runner" / "internal" / "packages").glob("*_test.go"),
    ]
    text = "".join(place.read_text() for place in places)
    named = re.findall(r"`(test_\w+|Test\w+)`", (HERE / "ansible_apt.md").read_text())
    assert len(named) > 30
    assert [name for name in named if not re.search(rf"(def|func) {name}\(", text)] == []
