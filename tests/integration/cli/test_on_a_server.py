"""The real `froyo`, with its store on a real PostgreSQL server, to which things happen."""

import contextlib
import http.client
import json
import signal
import socket
import subprocess

import pytest

from tests.integration.cli.conftest import PATIENCE, Person


@pytest.fixture
def place(shared_server):
    return shared_server.place()


def on(person, address):
    person.environ["FROYO_STORE"] = address
    return person


@contextlib.contextmanager
def another(person):
    """The same person on another machine, as far as froyo can tell: a state directory of their own."""
    other = Person.__new__(Person)
    other.__dict__ |= vars(person)
    other.base = person.base / "other"
    other.base.mkdir()
    other.state = other.base / "s"
    other.environ = {**person.environ, "FROYO_STATE": str(other.state)}
    yield other


@contextlib.contextmanager
def standing_by(person):
    """A daemon that need not lead; it is ended at the end, if it has not."""
    with (person.base / "daemon.log").open("wb") as log:
        daemon = subprocess.Popen(
            person.command("up", person.site), stdout=log, stderr=log, env=person.environ
        )
        try:
            yield daemon
        finally:
            daemon.kill()
            daemon.wait()


def test_everything_is_done_with_a_store_on_a_server(person, place):
    on(person, place)
    motd = person.machine / "etc" / "motd"
    assert "2 to create" in person.froyo("plan", person.site, status=2).stdout
    person.froyo("apply", person.site)
    assert motd.read_text() == "hello\n"
    assert not (person.state / "froyo.db").exists()
    assert "nothing to do" in person.real("apply", person.site).stdout
    assert person.json("status")["instances"] == 2
    person.froyo("suspend", "File/motd", "--reason", "trying")
    motd.write_text("mine\n")
    person.froyo("apply", person.site)
    assert motd.read_text() == "mine\n"
    person.froyo("resume", "File/motd")
    person.froyo("apply", person.site)
    assert motd.read_text() == "hello\n"
    assert [one["action"] for one in person.json("audit")["items"]] == ["suspend", "resume"]
    assert person.json("events", "--cause", "drift")["items"]
    assert person.json("doctor")["healthy"]
    told = person.froyo("backup", person.base / "b.tar", status=1).stderr
    assert "the store is on a server" in told
    assert "pg_dump" in told


def test_an_address_with_a_password_is_refused_by_every_command(person):
    for words in (["status"], ["apply", person.site], ["up", person.site]):
        done = person.froyo(*words, "--store", "postgresql://froyo:hunter2@db/froyo", status=1)
        assert "there is a password in the address" in done.stderr
        assert "hunter2" not in done.stderr + done.stdout


def test_who_stands_by_takes_over_when_the_one_that_leads_is_killed(person, place):
    on(person, place)
    motd = person.machine / "etc" / "motd"
    with another(person) as other, person.up(ends=signal.SIGKILL) as leader:
        person.froyo("wait", "--timeout", "60s")
        with standing_by(other) as standby:
            told = f"standing by: froyo on {socket.gethostname()} (pid {leader.pid})"
            other.until(lambda: told in other.log)
            assert other.json("status")["instances"] == 2
            assert (
                f"no daemon runs here; this is what the store in {place} knows"
                in other.froyo("status").stdout
            )
            for words in (["apply", other.site], ["suspend", "File/motd", "--reason", "trying"]):
                assert f"pid {leader.pid}" in other.froyo(*words, status=1).stderr
            leader.kill()
            leader.wait()
            other.until((other.state / "froyo.sock").exists)
            assert "taking over" in other.log
            motd.write_text("spoiled\n")
            other.until(lambda: motd.read_text() == "hello\n")
            standby.terminate()
            assert standby.wait(timeout=PATIENCE) == 0, other.log


def test_a_store_is_copied_to_a_server_and_back(person, place):
    person.froyo("apply", person.site)
    person.froyo("suspend", "File/motd", "--reason", "trying")
    there = person.json("store", "copy", person.state, place)
    assert (there["auditRecords"], there["rows"]["resource_state"]) == (1, 2)
    before = [person.json("events"), person.json("history"), person.json("get", "resources")]
    assert "a store is there already" in person.froyo("store", "copy", person.state, place, status=1).stderr
    back = person.json("store", "copy", place, person.base / "back")
    assert {name: back[name] for name in back if name not in ("from", "to")} == {
        name: there[name] for name in there if name not in ("from", "to")
    }
    for environ in ({"FROYO_STORE": place}, {"FROYO_STATE": str(person.base / "back")}):
        asked = (["events"], ["history"], ["get", "resources"])
        assert [json.loads(person.froyo(*one, "-o", "json", **environ).stdout) for one in asked] == before


def live(people):
    """Whose daemons answer. One that ends while it is asked says nothing."""
    said = {one: one.froyo("status", "-o", "json", status=None).stdout for one in people}
    return [one for one, text in said.items() if text and json.loads(text)["live"]]


# --- What happens to servers ------------------------------------------------------------------------------------------


def ready(person):
    connection = http.client.HTTPConnection("localhost", timeout=PATIENCE)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.settimeout(PATIENCE)
    connection.sock.connect(str(person.state / "froyo.sock"))
    with contextlib.closing(connection):
        connection.request("GET", "/readyz?verbose")
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def stop(server):
    server.stop(signal.SIGINT)


def crash(server):
    server.stop(signal.SIGQUIT)


def freeze(server):
    server.signal_all(signal.SIGSTOP)


def start(server):
    server.start()


def thaw(server):
    server.signal_all(signal.SIGCONT)


@pytest.mark.e2e
@pytest.mark.postgresql
@pytest.mark.parametrize(
    ("harm", "mend"), [(stop, start), (crash, start), (freeze, thaw)], ids=["stopped", "crashed", "frozen"]
)
def test_a_server_that_is_gone_for_a_while_loses_nothing(person, own_server, harm, mend):
    on(person, own_server.place())
    motd = person.machine / "etc" / "motd"
    with person.up() as daemon:
        person.froyo("wait", "--timeout", "60s")
        person.froyo("reconcile", "--wait")
        assert ready(person) == (200, ready(person)[1])
        before = [one["id"] for one in person.json("events", "--limit", "1000")["items"]]
        harm(own_server)
        motd.write_text("while it was gone\n")
        person.until(lambda: ready(person)[0] == 503)
        person.until(lambda: "postgresql://" in ready(person)[1])
        assert daemon.poll() is None
        mend(own_server)
        person.until(lambda: motd.read_text() == "hello\n")
        person.until(lambda: ready(person)[0] == 200)
        person.until(lambda: person.json("events", "--cause", "drift")["items"])
        after = [one["id"] for one in person.json("events", "--limit", "1000")["items"]]
        assert after[: len(before)] == before
        assert after == sorted(set(after))
    assert own_server.ask("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'froyo'") == [(0,)]


@pytest.mark.e2e
@pytest.mark.postgresql
def test_a_server_that_is_restarted_again_and_again_under_load_ends_as_declared(person, own_server):
    on(person, own_server.place())
    text = "".join(
        "apiVersion: linux.froyo.dev/v1alpha1\nkind: File\n"
        f"metadata: {{name: f{n}}}\nspec: {{target: here, path: '@/f{n}', content: '{n}'}}\n---\n"
        for n in range(50)
    )
    person.write("many.yaml", text)
    files = [person.machine / f"f{n}" for n in range(50)]
    with person.up():
        person.froyo("wait", "--timeout", "60s")
        for turn in range(6):
            for file in files[
                turn * 8 : turn * 8 + 8
            ]:  # each once: what is spoiled again and again is contested
                file.write_text("spoiled")
            own_server.stop(signal.SIGQUIT if turn % 2 else signal.SIGINT)
            own_server.start()
        person.until(lambda: all(file.read_text() == file.name[1:] for file in files))
        person.until(lambda: ready(person)[0] == 200)
        ids = [one["id"] for one in person.json("events", "--limit", "100000")["items"]]
        assert ids == sorted(set(ids))
    assert not [run for run in person.json("history", "--limit", "100000")["items"] if not run["outcome"]]


@pytest.mark.e2e
@pytest.mark.postgresql
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["stopped", "crashed"])
def test_of_two_one_leads_after_the_server_was_restarted(person, own_server, how):
    """Whoever is faster: the other one stands by, or ends and says why, and never do both work."""
    on(person, own_server.place())
    with another(person) as other, contextlib.ExitStack() as stack:
        people = {person: stack.enter_context(standing_by(person))}
        person.until((person.state / "froyo.sock").exists)
        people[other] = stack.enter_context(standing_by(other))
        other.until(lambda: "standing by: froyo on" in other.log)
        files = [person.machine / f"f{n}" for n in range(6)]
        text = "apiVersion: linux.froyo.dev/v1alpha1\nkind: File\nmetadata: {name: %s}\n"
        text += "spec: {target: here, path: '@/%s', content: as declared}\n---\n"
        person.write("more.yaml", "".join(text % (file.name, file.name) for file in files))
        person.until(lambda: all(file.exists() for file in files))
        for file in files:
            own_server.stop(how)
            file.write_text("spoiled")
            own_server.start()
            person.until(lambda file=file: file.read_text() == "as declared")
            for one, daemon in list(people.items()):
                if daemon.poll() is not None:  # as what keeps programs alive does
                    assert daemon.returncode == 1
                    assert "has taken the store over" in one.log
                    people[one] = stack.enter_context(standing_by(one))
        # One that has nothing to write hears of it when it renews its lease; it could not have worked until then.
        person.until(lambda: len(live(people)) == 1)
        [leading] = live(people)
        person.until(lambda: ready(leading)[0] == 200)
    held = own_server.ask("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted")
    assert held == [(0,)]
