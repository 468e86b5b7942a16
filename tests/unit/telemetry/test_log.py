"""Log lines: who gets them, how they look, and what is not in them."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator

import pytest

from reconciler.core.redaction import MASK, Redactor
from reconciler.telemetry import output
from reconciler.telemetry.log import get_logger
from reconciler.telemetry.output import LogFormat, configure


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    root, ours = logging.getLogger(), logging.getLogger("froyo")
    levels, handlers = (root.level, ours.level), list(root.handlers)
    yield
    root.handlers[:] = handlers
    root.setLevel(levels[0])
    ours.setLevel(levels[1])


@pytest.fixture
def redactor() -> Redactor:
    redactor = Redactor()
    redactor.add('hunt"er22')
    return redactor


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_in_a_pipe_is_one_json_object_with_its_fields(redactor):
    stream = io.StringIO()
    configure(redactor=redactor, stream=stream)
    get_logger().info("put back 100%", target="web-1", took=0.5, path=b"/etc")
    (line,) = lines(stream)
    timestamp = line.pop("timestamp")
    assert timestamp.endswith("+00:00")
    assert line == {
        "level": "info",
        "event": "put back 100%",
        "target": "web-1",
        "took": 0.5,
        "path": "b'/etc'",
    }


def test_nothing_that_turns_text_round_is_raw_in_a_line_of_json(redactor):
    stream = io.StringIO()
    configure(redactor=redactor, stream=stream)
    get_logger().info("put back", by="vi\u202e\u009b")
    assert stream.getvalue().isascii()
    assert lines(stream)[0]["by"] == "vi\u202e\u009b"


def test_a_line_in_a_terminal_is_for_a_person(redactor):
    stream = Terminal()
    configure(redactor=redactor, stream=stream, environ={"NO_COLOR": "1"})
    get_logger("froyo.engine").warning("put back", target="web-1")
    text = stream.getvalue()
    assert "[warning  ] put back" in text
    assert "target=web-1" in text
    assert "[froyo.engine]" in text
    assert "\x1b" not in text


def test_a_terminal_gets_colour_unless_it_asked_not_to(redactor):
    stream = Terminal()
    configure(redactor=redactor, stream=stream)
    get_logger().info("put back")
    assert "\x1b[" in stream.getvalue()


@pytest.mark.parametrize(
    ("wanted", "stream", "is_json"),
    [
        (LogFormat.JSON, Terminal(), True),
        (LogFormat.CONSOLE, io.StringIO(), False),
        (LogFormat.AUTO, Terminal(), False),
        (LogFormat.AUTO, io.StringIO(), True),
    ],
)
def test_the_form_can_be_chosen(redactor, wanted, stream, is_json):
    configure(redactor=redactor, stream=stream, format=wanted)
    get_logger().info("put back")
    assert stream.getvalue().startswith("{") is is_json


def test_standard_error_is_the_default(redactor, capsys):
    configure(redactor=redactor)
    get_logger().error("not done")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert json.loads(captured.err)["level"] == "error"


def test_what_is_below_the_level_is_not_said(redactor):
    stream = io.StringIO()
    configure(redactor=redactor, stream=stream, level="WARNING")
    log = get_logger()
    log.debug("one")
    log.info("two")
    log.warning("three")
    assert [line["event"] for line in lines(stream)] == ["three"]


def test_debug_lines_are_said_where_they_are_asked_for(redactor):
    stream = io.StringIO()
    configure(redactor=redactor, stream=stream, level=logging.DEBUG)
    get_logger().debug("one")
    logging.getLogger("asyncssh").info("connected to %s", "web-1")
    logging.getLogger("asyncssh").debug("bytes")
    assert [(line.get("logger"), line["event"]) for line in lines(stream)] == [
        (None, "one"),
        ("asyncssh", "connected to web-1"),
    ]


def test_libraries_are_heard_from_warnings_on(redactor):
    stream = io.StringIO()
    configure(redactor=redactor, stream=stream)
    logging.getLogger("asyncssh").info("connected")
    logging.getLogger("asyncio").error("Task exception was never retrieved")
    assert [line["logger"] for line in lines(stream)] == ["asyncio"]


def test_configuring_again_replaces_what_was_before(redactor):
    first, second = io.StringIO(), io.StringIO()
    configure(redactor=redactor, stream=first)
    handler = configure(redactor=redactor, stream=second)
    get_logger().info("once")
    assert first.getvalue() == ""
    assert len(lines(second)) == 1
    assert logging.getLogger().handlers.count(handler) == 1


def test_nothing_is_said_before_it_is_known_where_to(capsys):
    logging.getLogger().handlers[:] = []
    get_logger().error("lost")
    assert capsys.readouterr() == ("", "")


def test_a_field_does_not_hide_what_a_line_always_has(redactor):
    stream = io.StringIO()
    configure(redactor=redactor, stream=stream)
    get_logger().info("put back", level="debug", timestamp=1)
    (line,) = lines(stream)
    assert (line["level"], line["level_"], line["timestamp_"]) == ("info", "debug", 1)


def fail(message: str) -> None:
    raise ValueError(message)


class Leaky:
    def __repr__(self) -> str:
        return 'Leaky(hunt"er22)'


@pytest.mark.parametrize("wanted", [LogFormat.JSON, LogFormat.CONSOLE])
def test_a_secret_leaves_by_no_way(redactor, wanted):
    stream = io.StringIO()
    configure(redactor=redactor, stream=stream, format=wanted)
    secret, event = 'hunt"er22', 'event hunt"er22'
    log = get_logger()
    log.info(event, field=secret, deep=[{"a": secret}], **{secret: 1}, object=Leaky())
    try:
        fail(secret)
    except ValueError:
        log.exception("failed")
    logging.getLogger("asyncssh").warning("library %r", secret)
    text = stream.getvalue()
    assert "er22" not in text
    assert text.count(MASK) >= 7


def test_an_exception_is_told_with_its_traceback(redactor):
    stream = io.StringIO()
    configure(redactor=redactor, stream=stream)
    try:
        fail("odd")
    except ValueError:
        get_logger().exception("failed")
    (line,) = lines(stream)
    assert line["level"] == "error"
    assert "Traceback" in str(line["exception"])
    assert "ValueError: odd" in str(line["exception"])


def test_nothing_that_came_from_elsewhere_moves_the_cursor(redactor):
    stream = io.StringIO()
    configure(redactor=redactor, stream=stream, format=LogFormat.CONSOLE)
    get_logger().info("said \x1b[2J", by="\x1b]0;x\x07")
    assert "\x1b" not in stream.getvalue()


def test_what_a_library_repeats_makes_up_no_line(redactor):
    stream = io.StringIO()
    configure(redactor=redactor, stream=stream, format=LogFormat.CONSOLE)
    logging.getLogger("library").warning(
        "no such host: %s", "x\n2026-01-01T00:00:00.000+00:00 [info     ] all is well"
    )
    assert len(stream.getvalue().splitlines()) == 1
    assert "\x07" not in stream.getvalue()


def test_a_line_that_cannot_be_written_is_lost_and_nothing_else_is_said(redactor, capsys):
    stream = io.StringIO()
    configure(redactor=redactor, stream=stream)
    stream.close()
    get_logger().info('hunt"er22')
    assert capsys.readouterr() == ("", "")


def test_nothing_heavy_is_imported_before_there_is_a_line():
    script = (
        "import sys\n"
        "from reconciler.core.redaction import Redactor\n"
        "from reconciler.telemetry import log, output\n"
        "output.configure(redactor=Redactor(), level='WARNING')\n"
        "log.get_logger().info('not said')\n"
        "print([name for name in ('structlog', 'rich', 'asyncio') if name in sys.modules])\n"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"
    assert output.__doc__
