"""The ways by which a message goes out, with real programs, files and servers."""

import asyncio
import hashlib
import hmac
import http.server
import json
import os
import signal
import stat
import threading

import pytest

from reconciler.app.alerts.ways_out import NotTaken, WaysOut, shown
from reconciler.app.places import places
from reconciler.app.secrets import Secrets
from reconciler.core.redaction import Redactor
from reconciler.model.alert import Alert, AlertFormat, AlertName, CommandOut, FileOut, WebhookOut
from reconciler.model.secrets import Secret
from reconciler.runtime import Runtime, ThreadLanes, connect_nothing
from tests.unit.app.test_alert_messages import said

SAID = said()


@pytest.fixture
def where(tmp_path):
    return places({"HOME": str(tmp_path), "FROYO_STATE": str(tmp_path / "s")})


@pytest.fixture
def redactor():
    return Redactor()


@pytest.fixture
def ways(where, redactor):
    lanes = ThreadLanes()
    yield WaysOut(where, Secrets(where, redactor), Runtime(connect=connect_nothing, offload=lanes))
    lanes.close()


def alert(way):
    return Alert(name=AlertName("ops"), way=way)


@pytest.fixture
def program(where):
    def write(text, name="page", mode=0o755):
        where.alert_commands.mkdir(parents=True, exist_ok=True)
        path = where.alert_commands / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(mode)
        return CommandOut(name=name, arguments=("--to", "ops; id"), timeout=10.0)

    return write


def secret(where, name, text):
    where.secrets.mkdir(parents=True, exist_ok=True)
    (where.secrets / name).write_text(text)
    (where.secrets / name).chmod(0o600)
    return Secret(name)


# --- A program -------------------------------------------------------------------------------------------------------


async def test_a_program_gets_the_message_on_its_standard_input(ways, program, tmp_path):
    way = program(f'cat > {tmp_path}/in; printf "%s|" "$@" > {tmp_path}/args; env > {tmp_path}/env')
    await ways.send(alert(way), SAID)
    assert json.loads((tmp_path / "in").read_text()) == SAID
    assert (tmp_path / "args").read_text() == "--to|ops; id|"
    assert "HOME=" not in (tmp_path / "env").read_text()


@pytest.mark.parametrize(
    ("text", "refused", "why"),
    [
        ("cat >/dev/null; echo 'no line' >&2; exit 3", False, "page ended with 3: no line"),
        ("exit 65", True, "page ended with 65"),
        ("kill -9 $$", False, "page ended with -9"),
    ],
)
async def test_what_a_program_ends_with_says_whether_it_was_taken(ways, program, text, refused, why):
    with pytest.raises(NotTaken, match=why) as error:
        await ways.send(alert(program(text)), SAID)
    assert error.value.refused is refused


def lives(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().split()[2] != "Z"
    except OSError:
        return False


async def test_a_program_that_does_not_end_is_killed_with_all_that_it_began(ways, program, tmp_path):
    way = program(f"sleep 1000 & echo $! > {tmp_path}/pid; wait")
    with pytest.raises(NotTaken, match=r"has not ended within 0\.2 s, and was killed"):
        await ways.send(alert(CommandOut(name=way.name, timeout=0.2)), SAID)
    pid = (tmp_path / "pid").read_text().strip()
    while pid and lives(pid):  # noqa: ASYNC110 - whom nobody waits for ends a moment after it was killed
        await asyncio.sleep(0.01)


async def test_what_a_program_leaves_behind_is_not_waited_for(ways, program, tmp_path):
    await ways.send(alert(program(f"setsid yes >&2 & echo $! > {tmp_path}/pid")), SAID)
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)


async def test_what_has_left_the_session_of_a_program_that_is_killed_holds_up_nothing(
    ways, program, tmp_path
):
    text = f"setsid sh -c 'echo $$ > {tmp_path}/new; mv {tmp_path}/new {tmp_path}/pid; exec sleep 1000' & sleep 1000"
    with pytest.raises(NotTaken, match="was killed"):
        await ways.send(alert(CommandOut(name=program(text).name, timeout=0.5)), SAID)
    if (tmp_path / "pid").exists():
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)


async def test_of_what_a_program_complains_no_more_is_kept_than_is_told(ways, program):
    with pytest.raises(NotTaken, match="ended with 3: x") as error:
        await ways.send(alert(program("head -c 3000000 /dev/zero | tr '\\0' x >&2; exit 3")), SAID)
    assert len(str(error.value)) < 1000


async def test_only_what_an_operator_has_put_there_is_run(ways, program, where):
    with pytest.raises(NotTaken, match=r"there is no program .*/alerts/commands/page; an operator"):
        await ways.send(alert(CommandOut(name="page")), SAID)
    way = program("exit 0")
    where.alert_commands.chmod(0o777)
    with pytest.raises(NotTaken, match="others can write there"):
        await ways.send(alert(way), SAID)
    where.alert_commands.chmod(0o755)
    (where.alert_commands / "page").chmod(0o644)
    with pytest.raises(NotTaken, match="page cannot be run: permission denied"):
        await ways.send(alert(way), SAID)
    (where.alert_commands / "page").chmod(0o757)
    with pytest.raises(NotTaken, match="others can write there"):
        await ways.send(alert(way), SAID)
    program("exit 0")
    with pytest.raises(NotTaken, match=r"cannot be run: .*null"):
        await ways.send(alert(CommandOut(name="page", arguments=("a\0b",))), SAID)


# --- A file ----------------------------------------------------------------------------------------------------------


async def test_a_line_is_appended_for_each_message(ways, where):
    way = FileOut(name="log.jsonl")
    await ways.send(alert(way), SAID)
    await ways.send(alert(way), said(message="two\nlines"))
    path = where.alert_files / "log.jsonl"
    assert [json.loads(line)["message"] for line in path.read_text().splitlines()] == [
        "answers 500",
        "two\nlines",
    ]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_a_link_and_what_is_no_file_are_not_written_to(ways, where, tmp_path):
    await ways.send(alert(FileOut(name="first")), SAID)
    (where.alert_files / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(NotTaken, match="it is a link, and not followed"):
        await ways.send(alert(FileOut(name="link")), SAID)
    assert not (tmp_path / "elsewhere").exists()
    os.mkfifo(where.alert_files / "pipe")
    reader = os.open(where.alert_files / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    with pytest.raises(NotTaken, match="pipe is no regular file"):
        await ways.send(alert(FileOut(name="pipe")), SAID)
    os.close(reader)
    where.alert_files.chmod(0o777)
    with pytest.raises(NotTaken, match="others can write there"):
        await ways.send(alert(FileOut(name="first")), SAID)


async def test_half_a_line_is_taken_back(ways, where, monkeypatch):
    way = FileOut(name="log")
    await ways.send(alert(way), SAID)
    whole = (where.alert_files / "log").read_bytes()
    write = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda fd, data: write(fd, data[:10]))
        with pytest.raises(NotTaken, match="no space left on device"):
            await ways.send(alert(way), SAID)
    assert (where.alert_files / "log").read_bytes() == whole


# --- A server --------------------------------------------------------------------------------------------------------


@pytest.fixture
def server():
    """A real one, which keeps what it gets and answers what it is told to."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.server.heard.append((self.path, dict(self.headers), body))
            self.send_response(self.server.status)
            for name, value in self.server.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(self.server.answer)

        def log_message(self, *_args):
            """Says nothing."""

    found = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.heard, found.status, found.headers, found.answer = [], 200, {}, b"ok"
    thread = threading.Thread(target=found.serve_forever)
    thread.start()
    yield found
    found.shutdown()
    thread.join()
    found.server_close()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0", "[::ffff:127.0.0.1]", "2130706433"])
async def test_what_is_declared_by_others_is_posted_to_nobody_on_this_machine(ways, server, host):
    url = f"http://{host}:{server.server_port}/"
    with pytest.raises(NotTaken, match="on the operator's own machine"):
        await ways.send(alert(WebhookOut(url=url, elsewhere=True)), SAID)
    assert not server.heard


async def test_a_message_is_posted_and_signed(ways, where, server):
    url = secret(where, "url", f"http://127.0.0.1:{server.server_port}/services/T0/B0/XYZ\n")
    key, token = secret(where, "key", "the key of it"), secret(where, "token", "the token of it")
    way = WebhookOut(url=url, token=token, key=key)
    await ways.send(alert(way), SAID)
    [(path, headers, body)] = server.heard
    assert path == "/services/T0/B0/XYZ"
    assert json.loads(body) == SAID
    assert headers["Idempotency-Key"] == '"id-1"'
    assert headers["Authorization"] == "Bearer the token of it"
    digest = hmac.new(b"the key of it", body, hashlib.sha256).hexdigest()
    assert headers["X-Signature"] == f"sha256={digest}"


async def test_what_our_own_webhook_receiver_takes_for_signed_is_signed(ways, where, server):
    from reconciler.api.webhooks import is_signed

    key = secret(where, "key", "the key of it")
    await ways.send(alert(WebhookOut(url=f"http://127.0.0.1:{server.server_port}/", key=key)), SAID)
    [(_, headers, body)] = server.heard
    assert is_signed(headers, body, "the key of it")
    assert not is_signed(headers, body, "another")


async def test_slack_gets_a_text_and_alertmanager_a_list(ways, server):
    url = f"http://127.0.0.1:{server.server_port}/x"
    for form in (AlertFormat.SLACK, AlertFormat.ALERTMANAGER):
        await ways.send(alert(WebhookOut(url=url, format=form)), SAID)
    slack, alertmanager = (json.loads(body) for _, _, body in server.heard)
    assert slack["text"].startswith("*FIRING* ")
    assert alertmanager[0]["labels"]["alertname"] == "FroyoNotReady"


@pytest.mark.parametrize(
    ("status", "refused"),
    [(400, True), (422, True), (401, False), (404, False), (429, False), (500, False), (302, False)],
)
async def test_what_is_refused_for_what_it_is_is_told_from_what_is_to_be_tried_again(
    ways, where, server, redactor, status, refused
):
    server.status, server.headers = status, {"Retry-After": "30"}
    server.answer = b"unknown path services/T0/B0/XYZ"
    url = secret(where, "url", f"http://127.0.0.1:{server.server_port}/services/T0/B0/XYZ")
    with pytest.raises(NotTaken) as error:
        await ways.send(alert(WebhookOut(url=url)), SAID)
    assert (error.value.refused, error.value.retry_after) == (refused, 30.0)
    assert "T0/B0/XYZ" not in redactor.text(str(error.value))


async def test_what_a_way_out_needs_and_cannot_have_is_said(ways, where, tmp_path):
    url = "https://127.0.0.1:1/"
    (tmp_path / "ca.pem").write_bytes(b"\xff")
    loose = secret(where, "loose", "the token of it")
    (where.secrets / "loose").chmod(0o644)
    for way, why in (
        (WebhookOut(url=Secret("nowhere")), "there is no file .*/secrets/nowhere; write an absolute"),
        (WebhookOut(url=secret(where, "empty", "")), "empty is empty"),
        (WebhookOut(url=secret(where, "bad", "not a url")), "webhook.urlFrom: this is no URL that"),
        (WebhookOut(url=url, token=loose), "loose is no secret: others can get at it"),
        (WebhookOut(url=url, ca_file=str(tmp_path / "none")), "webhook.caFile: .* cannot be read: no such"),
        (WebhookOut(url=url, ca_file=str(tmp_path / "ca.pem")), "it holds no certificates in PEM"),
        (WebhookOut(url=url), "127.0.0.1:1, from the controller: connection refused"),
    ):
        with pytest.raises(NotTaken, match=why):
            await ways.send(alert(way), SAID)


def test_of_a_way_out_nothing_is_shown_that_could_be_secret():
    assert shown(alert(WebhookOut(url="https://hooks.example/T/B/x"))) == "webhook hooks.example (json)"
    assert (
        shown(alert(WebhookOut(url=Secret("chat"), format=AlertFormat.SLACK)))
        == "webhook secret chat (slack)"
    )
    assert shown(alert(CommandOut(name="page"))) == "command page"
    assert shown(alert(FileOut(name="log"))) == "file log"
