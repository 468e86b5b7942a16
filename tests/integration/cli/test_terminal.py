"""What commands do to a real terminal."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time

import pytest

PATIENCE = 60.0


class Terminal:
    """A process with a terminal of its own."""

    def __init__(self, person, *arguments, columns=80, **environ):
        command = person.command(*arguments)
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            try:
                size = struct.pack("HHHH", 24, columns, 0, 0)
                fcntl.ioctl(0, termios.TIOCSWINSZ, size)
                os.execvpe(command[0], command, {**person.environ, **environ})
            finally:
                os._exit(127)
        self.text = ""

    def read_until(self, pattern):
        """Read until something matches, or until the process has ended if `pattern` is None."""
        until = time.monotonic() + PATIENCE
        while pattern is None or not re.search(pattern, self.text):
            assert time.monotonic() < until, self.text
            if not select.select([self.master], [], [], 1.0)[0]:
                continue
            try:
                data = os.read(self.master, 65536)
            except OSError:
                data = b""
            if not data:
                assert pattern is None, self.text
                break
            self.text += data.decode(errors="replace")
        return self.text

    def interrupt(self):
        os.write(self.master, b"\x03")

    def finish(self):
        self.read_until(None)
        _, status = os.waitpid(self.pid, 0)
        os.close(self.master)
        return os.waitstatus_to_exitcode(status)

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)
        self.finish()


def plain(text):
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text).replace("\r", "")


def test_a_terminal_has_colours_and_its_cursor_back(person):
    terminal = Terminal(person, "apply", person.site)
    assert terminal.finish() == 0
    assert "\x1b[32m+\x1b[0m File/motd" in terminal.text
    assert terminal.text.count("\x1b[?25l") == terminal.text.count("\x1b[?25h")


def test_a_dumb_terminal_gets_plain_text(person):
    for environ in ({"TERM": "dumb"}, {"NO_COLOR": "1"}):
        terminal = Terminal(person, "plan", person.site, **environ)
        assert terminal.finish() == 2
        sequences = set(re.findall(r"\x1b\[[0-9;?]*m", terminal.text))
        assert not sequences
        if "TERM" in environ:
            assert "\x1b" not in terminal.text


def test_no_line_of_a_table_breaks_in_a_narrow_terminal(person):
    person.froyo("apply", person.site)
    terminal = Terminal(person, "get", columns=40)
    assert terminal.finish() == 0
    assert all(len(line) <= 40 for line in plain(terminal.text).split("\n"))


SLOW = """\
apiVersion: linux.froyo.dev/v1alpha1
kind: File
metadata: {name: slow}
spec:
  target: here
  path: "@/etc/slow"
  content: "slow\\n"
  validate: [sh, -c, "while [ ! -e @/go ]; do sleep 0.05; done", "%s"]
"""


@pytest.mark.parametrize("columns", [30, 80])
@pytest.mark.parametrize("environ", [{}, {"NO_COLOR": "1"}])
def test_long_work_shows_the_units_that_are_under_way(person, columns, environ):
    person.write("slow.yaml", SLOW)
    terminal = Terminal(person, "apply", person.site, columns=columns, **environ)
    try:
        terminal.read_until(r"File/slow")
        drawn = plain(terminal.text)
        assert "applying: 0 of 1 target" in drawn
        assert "─ here" in drawn
        (person.machine / "go").write_text("")
        assert terminal.finish() == 0
    except BaseException:
        (person.machine / "go").write_text("")
        terminal.kill()
        raise
    assert terminal.text.count("\x1b[?25l") == terminal.text.count("\x1b[?25h") == 1
    assert ("\x1b[36m" in terminal.text) is not environ
    # It leaves no trace: what stands there in the end are the results.
    assert "\x1b[2K" in terminal.text
    assert re.search(r"Applied: 3 created", plain(terminal.text.rpartition("\x1b[?25h")[2]))


def test_up_in_a_terminal_tells_people_what_happens_and_ends_on_ctrl_c(person):
    terminal = Terminal(person, "dev", "up", person.site, columns=120)
    try:
        terminal.read_until(r"File/motd.*created")
        terminal.read_until(r"2 of 2 instances as declared")
        (person.machine / "etc" / "motd").write_text("spoiled\n")
        terminal.read_until(r"put back after")
        terminal.interrupt()
        assert terminal.finish() == 0
    except BaseException:
        terminal.kill()
        raise
    text = plain(terminal.text)
    assert '{"' not in text
    assert "ended; nothing is left half-done" in text


def test_ctrl_c_ends_a_command_without_a_traceback(person):
    person.froyo("apply", person.site)
    terminal = Terminal(person, "events", "-f", "--all")
    terminal.read_until("created")
    terminal.interrupt()
    assert terminal.finish() == 130
    assert "Traceback" not in terminal.text
    assert "froyo: interrupted" in terminal.text
