"""What `froyo top` shows, on a screen in memory."""

import asyncio
import json
import subprocess
import sys
import threading

import pytest
from textual.widgets import DataTable, RichLog, Static

from reconciler.api import answers
from reconciler.api.measured import summed
from reconciler.cli.commands import top as commands
from reconciler.cli.output import Format
from reconciler.cli.show.top import Seen, Top, how
from reconciler.errors import TransportError, UsageError
from reconciler.model.conditions import Reason
from tests.unit.api.known import Known, condition, source_state, state, target_state
from tests.unit.api.test_server import serving

METRICS = """\
# HELP froyo_drift_total x
froyo_drift_total{kind="File",by="person",outcome="corrected"} 2.0
froyo_drift_total{kind="Exec",by="a } b",outcome="held"} 1.0
froyo_drift_latency_seconds_bucket{kind="File",le="1.0"} 2.0
froyo_drift_latency_seconds_count{kind="File"} 2.0
froyo_drift_latency_seconds_sum{kind="File"} 0.05
froyo_suspensions 4.0
process_open_fds 9.0
"""
WRONG = condition(status=False, reason=Reason.PERMANENT_ERROR, message="[bold]no[/bold] \x1b[31mroom")


def event(number, **fields):
    return {
        "id": number,
        "at": "2026-01-31T12:00:07Z",
        "type": "Normal",
        "reason": "Repaired",
        "object": "web-1/File/motd",
        "message": "put back",
        **fields,
    }


async def seen(*events, **fields):
    known = Known.of(
        state("web-1/File/motd"),
        state("web-1/File/issue", WRONG),
        known_targets={
            "web-1": target_state("web-1"),
            "web-2": target_state("web-2", ready=False, message="no route to it"),
        },
        known_sources={"/etc/froyo": source_state("/etc/froyo")},
        **fields,
    )
    return Seen(await answers.answer(known, "/v1/status", {}), list(events), summed(METRICS))


class Daemon:
    """Tells what it is given, one look after the other."""

    def __init__(self, *looks):
        self.looks = list(looks)
        self.asked = []
        self.going = threading.Event()

    def look(self, after):
        self.asked.append(after)
        found = self.looks.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    def news(self, within):
        return bool(self.looks) or self.going.wait(within)


def shown(app, name):
    table = app.query_one(name, DataTable)
    return [[cell.plain for cell in table.get_row_at(number)] for number in range(table.row_count)]


async def until(pilot, holds):
    while not holds():
        await pilot.pause()


async def test_it_shows_targets_what_is_wrong_and_what_happens_as_text():
    evil = event(8, type="Warning", reason="PermanentError", message="[red]x[/red]\x1b[2J")
    daemon = Daemon(await seen(event(7, cause="drift")), await seen(evil))
    app = Top(daemon.look, daemon.news, every=5.0)
    async with app.run_test(size=(160, 40)) as pilot:
        log = app.query_one(RichLog)
        await until(pilot, lambda: len(log.lines) == 2)
        assert daemon.asked == [0, 7]
        assert [row[0] for row in shown(app, "#targets")] == ["web-1", "web-2"]
        assert shown(app, "#targets")[1][1] == "no route to it"
        assert shown(app, "#targets")[0][1].startswith("for ")
        [[address, reason, message]] = shown(app, "#waiting")
        assert (address, reason) == ("web-1/File/issue", "PermanentError")
        assert "[bold]no[/bold]" in message
        assert "\x1b" not in message
        assert "[red]x[/red]" in log.lines[1].text
        assert "\x1b" not in log.lines[1].text
        assert "1 of 2 resources ready" in str(app.query_one("#how", Static).content)
        await pilot.press("q")
    assert app.return_value is None


async def test_it_ends_with_why_when_the_daemon_does():
    daemon = Daemon(await seen(), TransportError("the daemon has ended"))
    app = Top(daemon.look, daemon.news, every=5.0)
    async with app.run_test() as pilot:
        await until(pilot, lambda: app.return_value is not None)
    assert app.return_value == "the daemon has ended"


async def test_what_is_measured_is_added_up():
    text = how(await seen(wrong={"loop": "hangs"})).plain
    assert "3 drifted" in text
    assert "right again in 25 ms on average" in text
    assert "/etc/froyo at r1" in text
    assert "loop: hangs" in text
    assert summed(METRICS)["froyo_suspensions"] == 4.0
    assert "on average" not in how(Seen((await seen()).status)).plain


def test_nothing_of_it_is_loaded_by_any_other_command():
    program = "import sys, reconciler.cli.commands.status, reconciler.cli.commands.top\n"
    program += "sys.exit('textual' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_without_a_daemon_it_is_said_what_to_do(tmp_path):
    with pytest.raises(Exception, match="no daemon listens"):
        commands.command(state=str(tmp_path))


async def test_once_it_is_a_document_and_live_it_needs_a_terminal(tmp_path, capsys):
    known = Known.of(state("web-1/File/motd"))
    async with serving(known, tmp_path / "froyo.sock"):
        assert await asyncio.to_thread(commands.command, output=Format.JSON, state=str(tmp_path)) == 0
        found = json.loads(capsys.readouterr().out)
        assert found["kind"] == "Top"
        assert found["work"] == {"froyo_suspensions": 0.0}
        assert found["status"]["instances"] == 1
        with pytest.raises(UsageError, match="froyo top -o json"):
            await asyncio.to_thread(commands.command, state=str(tmp_path))
