"""Entries of the journal, as they arrive at a socket."""

import io
import logging
import os
import socket

import pytest

from reconciler.core.redaction import Redactor
from reconciler.telemetry import journal
from reconciler.telemetry.journal import JournalHandler, is_journal
from reconciler.telemetry.log import get_logger
from reconciler.telemetry.output import LogFormat, configure


@pytest.fixture
def line(tmp_path, monkeypatch):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "socket"))
        listening.setblocking(False)
        monkeypatch.setattr(journal, "SOCKET", str(tmp_path / "socket"))
        root = logging.getLogger()
        redactor = Redactor()
        redactor.add("hunter22-canary")
        handler = JournalHandler(redactor, str(tmp_path / "socket"))
        root.addHandler(handler)
        yield listening
        root.removeHandler(handler)
        handler.close()


def entry(listening):
    data, found = listening.recv(1 << 20), {}
    while data:
        name, sign, rest = data.partition(b"\n")[0].partition(b"=")
        if sign:
            data = data[len(name) + 1 + len(rest) + 1 :]
        else:
            begin = len(name) + 9
            size = int.from_bytes(data[len(name) + 1 : begin], "little")
            rest, data = data[begin : begin + size], data[begin + size + 1 :]
        found[name.decode()] = rest.decode()
    return found


@pytest.mark.parametrize(
    ("object_", "fields"),
    [
        (
            "web-1/File/motd",
            {"FROYO_TARGET": "web-1", "FROYO_ADDRESS": "web-1/File/motd", "FROYO_KIND": "File"},
        ),
        ("Target/web-1", {"FROYO_TARGET": "web-1"}),
        ("Source/etc/froyo", {"FROYO_SOURCE": "/etc/froyo"}),
    ],
)
def test_an_entry_can_be_found_by_what_it_is_about(line, object_, fields):
    get_logger("froyo").warning("put back", object=object_, reason="Repaired", reconcile="0a1b", seconds=0.1)
    found = entry(line)
    assert fields.items() <= found.items()
    assert (found["MESSAGE"], found["PRIORITY"], found["SYSLOG_IDENTIFIER"]) == ("put back", "4", "froyo")
    assert (found["FROYO_REASON"], found["FROYO_RECONCILE"], found["FROYO_SECONDS"]) == (
        "Repaired",
        "0a1b",
        "0.1",
    )


def test_what_has_several_lines_stays_one_field_and_what_is_long_is_cut(line):
    get_logger("froyo").warning("two\nlines", why="because", target="web-1", long="x" * 99999)
    found = entry(line)
    assert found["MESSAGE"] == "two\nlines: because"
    assert found["FROYO_TARGET"] == "web-1"
    assert len(found["FROYO_LONG"]) == journal.LONGEST


def test_a_defect_has_its_traceback_and_no_secret_is_in_anything(line):
    try:
        int("hunter22-canary")
    except ValueError:
        get_logger("froyo.engine").exception("failed with hunter22-canary", path="hunter22-canary")
    found = entry(line)
    assert "hunter22" not in str(found)
    assert "ValueError" in found["FROYO_TRACEBACK"]
    assert (found["PRIORITY"], found["FROYO_LOGGER"]) == ("3", "froyo.engine")


def test_an_entry_that_cannot_be_sent_is_lost(tmp_path):
    handler = JournalHandler(Redactor(), str(tmp_path / "none"))
    handler.emit(logging.makeLogRecord({"msg": "x", "name": "froyo"}))
    handler.close()


def test_standard_error_is_the_journals_where_systemd_says_so(line, tmp_path):
    with (tmp_path / "log").open("w") as log:
        found = os.fstat(log.fileno())
        assert is_journal({"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"}, log.fileno())
        assert not is_journal({"JOURNAL_STREAM": f"{found.st_dev}:1"}, log.fileno())
        assert not is_journal({}, log.fileno())
        environ = {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"}
        handler = configure(redactor=Redactor(), stream=log, environ=environ)
        assert isinstance(handler, JournalHandler)
        assert not isinstance(
            configure(redactor=Redactor(), stream=log, environ=environ, format=LogFormat.JSON), JournalHandler
        )
    handler.close()
    assert not is_journal(environ, log.fileno() if not log.closed else 9999)
    configure(redactor=Redactor(), stream=io.StringIO(), environ=environ)
    logging.getLogger().handlers[-1:] = []
