"""Where log lines go and how they look: to standard error, for a person in a terminal and as JSON elsewhere.

Everything that uses `logging` comes this way, ours and what libraries say, is made a line by structlog's
processors, and passes the redactor twice: field by field, and as the finished line, where the text of an
exception or an object's repr has become part of it. structlog is imported with the first line that there
is, not before.
"""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TextIO

from reconciler.core.visible import one_line, visible
from reconciler.telemetry.journal import JournalHandler, is_journal
from reconciler.telemetry.log import ROOT
from reconciler.telemetry.without import without

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

    from structlog.typing import Processor

    from reconciler.core.redaction import Redactor


class LogFormat(StrEnum):
    """How lines look."""

    AUTO = "auto"
    """CONSOLE in a terminal, JOURNAL where the stream is the journal's, JSON elsewhere."""
    CONSOLE = "console"
    """For a person: time, level, event, key=value; in colour where there is a terminal."""
    JSON = "json"
    """One object a line."""
    JOURNAL = "journal"
    """Entries with fields, to systemd's journal."""


def configure(
    *,
    redactor: Redactor,
    level: int | str = logging.INFO,
    format: LogFormat = LogFormat.AUTO,  # noqa: A002 - as the option is called
    stream: TextIO | None = None,
    environ: Mapping[str, str] | None = None,
) -> logging.Handler:
    """Let log lines of `level` and above out. Called again, it replaces what it did before.

    What libraries say is let out from WARNING on, or from INFO on if `level` is DEBUG.

    Args:
        redactor: knows the secrets.
        level: of our own lines; a name or a number of `logging`.
        format: how they look.
        stream: standard error if None.
        environ: the process's environment, for NO_COLOR.

    Returns:
        The handler, which is on the root logger now.
    """
    out = sys.stderr if stream is None else stream
    terminal = out.isatty()
    console = format is LogFormat.CONSOLE or (format is LogFormat.AUTO and terminal)
    handler: logging.Handler
    if format is LogFormat.JOURNAL or (format is LogFormat.AUTO and _is_journal(out, environ or {})):
        handler = JournalHandler(redactor)
    else:
        handler = _Handler(
            out,
            redactor,
            console=console,
            colors=console and terminal and not (environ or {}).get("NO_COLOR"),
        )
    root, ours = logging.getLogger(), logging.getLogger(ROOT)
    for old in [old for old in root.handlers if isinstance(old, _Handler | JournalHandler)]:
        root.removeHandler(old)
    root.addHandler(handler)
    ours.setLevel(level)
    root.setLevel(logging.INFO if ours.level <= logging.DEBUG else logging.WARNING)
    return handler


def _is_journal(stream: TextIO, environ: Mapping[str, str]) -> bool:
    try:
        return is_journal(environ, stream.fileno())
    except (OSError, ValueError):  # no file
        return False


class _Handler(logging.StreamHandler[TextIO]):
    """Writes lines; makes its formatter when there is a first one."""

    def __init__(self, stream: TextIO, redactor: Redactor, *, console: bool, colors: bool) -> None:
        super().__init__(stream)
        self._redactor = redactor
        self._console = console
        self._colors = colors

    def format(self, record: logging.LogRecord) -> str:
        if self.formatter is None:
            self.formatter = _formatter(self._redactor, console=self._console, colors=self._colors)
        return self._redactor.text(self.formatter.format(record))

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """A line that cannot be written is lost. logging's own report of that would print it unredacted."""


def _formatter(redactor: Redactor, *, console: bool, colors: bool) -> logging.Formatter:
    with without("rich"):
        import structlog

    def redacted(_logger: object, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
        return {key: redactor.value(value) for key, value in event.items()}

    before: list[Processor] = [_fields, structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    after: list[Processor]
    if console:
        plain = structlog.dev.plain_traceback
        after = [_visible, structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=plain)]
    else:
        before.append(structlog.processors.format_exc_info)
        after = [structlog.processors.JSONRenderer(ensure_ascii=True, default=repr)]
    return structlog.stdlib.ProcessorFormatter(processors=[*before, redacted, *after])


def _fields(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A record as the renderers want it: what it is first, then its own fields."""
    record: logging.LogRecord = event["_record"]
    line = {
        "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
        "level": record.levelname.lower(),
        "event": event.pop("event"),
    }
    if record.name != ROOT:
        line["logger"] = record.name
    line.update(event)
    for key, value in getattr(record, "fields", {}).items():
        line[f"{key}_" if key in line else key] = value
    return line


def _visible(_logger: object, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """Nothing that came from elsewhere moves the cursor, or makes up a line: a library says it within its words."""
    shown = {key: visible(value) if isinstance(value, str) else value for key, value in event.items()}
    return {**shown, "event": one_line(str(event["event"]))}
