"""What is imported without a library that it need not have."""

import subprocess
import sys

import pytest

ABSENT = """
import sys, threading
from reconciler.telemetry.without import without

def elsewhere():
    import colorsys

before = list(sys.meta_path)
with without("colorsys"):
    try:
        import colorsys
    except ImportError as error:
        assert error.name == "colorsys"
    else:
        raise AssertionError("it was imported")
    import wave
    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    import colorsys  # it is there now
assert sys.meta_path == before
"""

LOGGED = """
import sys
from reconciler.core.redaction import Redactor
from reconciler.telemetry.log import get_logger
from reconciler.telemetry.output import LogFormat, configure

configure(redactor=Redactor(), format=LogFormat.{})
try:
    raise ValueError("broken")
except ValueError:
    get_logger().exception("a defect")
assert "structlog" in sys.modules and "rich" not in sys.modules
import rich.console
"""


@pytest.mark.parametrize(
    "program", [ABSENT, LOGGED.format("CONSOLE"), LOGGED.format("JSON")], ids=["absent", "console", "json"]
)
def test_it_is_not_there_for_this_and_there_for_everything_else(program: str) -> None:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "ValueError: broken" in done.stderr or program == ABSENT
