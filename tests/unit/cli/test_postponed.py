"""What is imported only once it is used."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys
from reconciler.cli.postponed import postponed

name = "colorsys"
assert name not in sys.modules
with postponed(name):
    import colorsys as early
    assert type(early).__name__ != "module"
assert name not in sys.modules
assert early.rgb_to_hsv(0, 0, 0) == (0.0, 0.0, 0)
import colorsys
assert sys.modules[name] is colorsys and colorsys is not early
assert early.hsv_to_rgb is colorsys.hsv_to_rgb
with postponed(name):
    import colorsys as late
assert late is colorsys
try:
    early.nonsense
except AttributeError:
    print("as it should be")
"""

USED_MEANWHILE = """
import sys
from reconciler.cli.postponed import postponed

with postponed("colorsys"):
    from colorsys import rgb_to_hsv
    import colorsys
    assert sys.modules["colorsys"] is colorsys and colorsys.rgb_to_hsv is rgb_to_hsv
assert sys.modules["colorsys"] is colorsys
print("as it should be")
"""


def run(program: str) -> str:
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout


def test_a_module_is_imported_when_it_is_used_and_not_before() -> None:
    assert run(PROGRAM) == "as it should be\n"


def test_who_uses_it_at_once_has_it_at_once() -> None:
    assert run(USED_MEANWHILE) == "as it should be\n"
