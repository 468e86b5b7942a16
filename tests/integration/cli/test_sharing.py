"""The real `froyo up --share`: several of them on one store, each with its part of the targets."""

import contextlib
import json
import os
import signal
import subprocess

import pytest

from reconciler.core.sharing import SHARDS
from tests.integration.cli.conftest import PATIENCE, Person
from tests.postgresql.members import joined, owners_to_be

TARGETS = 8


@pytest.fixture
def place(shared_server):
    return shared_server.place()


def declare(person, content):
    targets = "".join(
        "apiVersion: froyo.dev/v1alpha1\nkind: Target\n"
        f"metadata: {{name: t{number}}}\nspec: {{local: {{}}}}\n---\n"
        for number in range(TARGETS)
    )
    person.write(
        "all.yaml",
        f"{targets}apiVersion: linux.froyo.dev/v1alpha1\nkind: File\nmetadata: {{name: motd}}\n"
        f"spec: {{targets: {{}}, path: '@/${{target.name}}', content: '{content}'}}\n",
    )


class Controllers:
    """Several on one store, each with a state directory of its own, as on a machine of its own."""

    def __init__(self, person, place, stack):
        for name in ("target.yaml", "files.yaml"):
            (person.site / name).unlink()
        declare(person, "one")
        self.person, self.place, self.stack = person, place, stack
        self.people, self.daemons = [], []

    @property
    def files(self):
        return [self.person.machine / f"t{number}" for number in range(TARGETS)]

    def up(self):
        """One more; what it is called by."""
        number = len(self.people)
        one = Person.__new__(Person)
        one.__dict__ |= vars(self.person)
        one.base = self.person.base / f"c{number}"
        one.base.mkdir()
        one.state = one.base / "s"
        one.environ = {**self.person.environ, "FROYO_STATE": str(one.state), "FROYO_STORE": self.place}
        log = self.stack.enter_context((one.base / "daemon.log").open("wb"))
        command = one.command("up", one.site, "--share")

        def start():
            daemon = subprocess.Popen(command, stdout=log, stderr=log, env=one.environ)
            self.stack.callback(self._end, daemon)
            return daemon

        self.people.append(one)
        self.daemons.append(joined(start, self.place, [file.name for file in self.files]))
        return number

    @staticmethod
    def _end(daemon):
        daemon.kill()
        daemon.wait()

    def owners(self, asked=0):
        """By whom each target is worked on, as that one tells it; nothing as long as some are on nobody's."""
        text = self.people[asked].froyo("status", "-o", "json", status=None).stdout
        if not text:
            return {}
        pids = {daemon.pid: number for number, daemon in enumerate(self.daemons)}
        listed = json.loads(text)["controllers"]
        found = {name: pids[one["pid"]] for one in listed for name in one["targets"]}
        return found if len(found) == TARGETS else {}

    def until_owned_by(self, those, asked=0):
        """As long as it takes until each of them has what is to be his, and nobody else anything."""
        pids = [one.pid for one in self.daemons]
        found = {}

        def so():
            wanted = owners_to_be(self.place, [file.name for file in self.files])
            found.update({name: pids.index(pid) for name, pid in wanted.items()})
            return {*found.values()} == {*those} and self.owners(asked) == found

        self.person.until(so)
        return found

    def until_all_say(self, content):
        def so():
            return all(file.exists() and file.read_text() == content for file in self.files)

        self.person.until(so)

    def spoil(self):
        for file in self.files:
            file.write_text("spoiled")


@pytest.fixture
def controllers(person, place):
    with contextlib.ExitStack() as stack:
        yield Controllers(person, place, stack)


def test_two_share_the_targets_out_and_who_ends_leaves_his_to_the_other(controllers):
    controllers.up()
    controllers.until_all_say("one")
    controllers.up()
    owners = controllers.until_owned_by([0, 1])
    assert controllers.until_owned_by([0, 1], asked=1) == owners
    controllers.spoil()
    controllers.until_all_say("one")

    # The one that does not lead takes what that one has put in force, on its own targets.
    declare(controllers.person, "two")
    controllers.until_all_say("two")
    other = controllers.people[1]
    mine = next(name for name, owner in owners.items() if owner == 0)
    assert [one["name"] for one in other.json("get", "sources")["items"]] == [str(other.site)]
    assert "another controller" in other.froyo("forget", f"{mine}/File/motd", status=1).stderr
    controllers.files[int(mine[1:])].write_text("spoiled")
    other.froyo("reconcile", f"{mine}/File/motd")
    controllers.until_all_say("two")

    # What is not shared is refused, and nothing is taken from who lives.
    refused = other.froyo("apply", other.site, status=1).stderr
    assert all(f"(pid {daemon.pid})" in refused for daemon in controllers.daemons)
    assert "it is shared by froyo on " in refused

    controllers.daemons[0].terminate()
    assert controllers.daemons[0].wait(timeout=PATIENCE) == 0, controllers.people[0].log
    controllers.until_owned_by([1], asked=1)
    controllers.spoil()
    controllers.until_all_say("two")
    # It leads now: a new revision is taken in by it.
    declare(controllers.person, "three")
    controllers.until_all_say("three")
    controllers.daemons[1].terminate()
    assert controllers.daemons[1].wait(timeout=PATIENCE) == 0, controllers.people[1].log


def test_what_does_not_go_with_sharing_is_said(person, place):
    refused = person.froyo("up", person.site, "--share", status=1).stderr
    assert "--share takes a store that several can reach: --store postgresql://" in refused
    assert "--share takes a store" in person.froyo("operator", "run", "--share", status=1).stderr
    person.environ["FROYO_STORE"] = place
    trial = person.froyo("up", person.site, "--share", "--rollback-within", "5m", status=1).stderr
    assert "what one controller sees of all targets" in trial
    elected = person.froyo("operator", "run", "--share", "--leader-elect", status=1).stderr
    assert "leave --leader-elect out" in elected


@pytest.mark.postgresql
def test_of_three_one_is_killed_and_only_what_it_had_moves(controllers):
    for number in range(3):
        controllers.up()
        controllers.until_owned_by(range(number + 1))
    controllers.until_all_say("one")
    before = controllers.owners()
    controllers.daemons[2].kill()
    controllers.daemons[2].wait()
    after = controllers.until_owned_by([0, 1])
    assert {name for name in before if before[name] != after[name]} == {
        name for name, owner in before.items() if owner == 2
    }
    controllers.spoil()
    controllers.until_all_say("one")
    controllers.up()
    controllers.until_owned_by([0, 1, 3])


@pytest.mark.postgresql
def test_the_one_that_decides_is_killed_and_another_one_decides(controllers):
    person, more = controllers.person, controllers.person.base / "more"
    more.mkdir()
    person.write(
        "more.yaml",
        "apiVersion: froyo.dev/v1alpha1\nkind: Source\nmetadata: {name: more}\n"
        f"spec: {{directory: {{path: {more}}}}}\n",
    )

    def say(text):
        (more / "file.yaml").write_text(
            "apiVersion: froyo.dev/v1alpha1\nkind: Target\nmetadata: {name: t0}\nspec: {local: {}}\n---\n"
            "apiVersion: linux.froyo.dev/v1alpha1\nkind: File\nmetadata: {name: more}\n"
            f"spec: {{target: t0, path: {person.machine}/more, content: {text}}}\n"
        )

    def says(text):
        file = person.machine / "more"
        return file.exists() and file.read_text() == text

    say("one")
    controllers.up()
    controllers.until_all_say("one")
    person.until(lambda: says("one"))
    controllers.up()
    controllers.until_owned_by([0, 1])
    controllers.daemons[0].kill()
    # What is declared to be served is served by the other one, too.
    say("two")
    person.until(lambda: says("two"))
    declare(person, "two")
    controllers.until_all_say("two")
    assert controllers.owners(1)


@pytest.mark.e2e
@pytest.mark.postgresql
def test_who_is_stopped_keeps_what_is_his_until_the_server_drops_him_and_then_ends(
    controllers, shared_server
):
    controllers.up()
    controllers.until_all_say("one")
    controllers.up()
    controllers.until_owned_by([0, 1])
    stopped = controllers.daemons[1]
    # The sessions at the server are told apart by when they came.
    user = controllers.place.split("://")[1].split("@")[0]
    os.kill(stopped.pid, signal.SIGSTOP)
    try:
        locks = shared_server.ask(
            f"SELECT l.pid FROM pg_locks l JOIN {user}.members m ON l.objid::bigint = "
            f"(hashtext('{user}' || '/' || m.number)::bigint & 4294967295) "
            f"WHERE m.pid = {stopped.pid} AND l.locktype = 'advisory'"
        )
        assert len(locks) == 1
        shared_server.ask(f"SELECT pg_terminate_backend({locks[0][0]})")
        controllers.until_owned_by([0])
        controllers.spoil()
        controllers.until_all_say("one")
    finally:
        os.kill(stopped.pid, signal.SIGCONT)
    assert stopped.wait(timeout=PATIENCE) == 1
    assert "have taken its targets over" in controllers.people[1].log
    controllers.until_all_say("one")
    owned = shared_server.ask(f"SELECT count(*), count(DISTINCT member) FROM {user}.shards WHERE member <> 0")
    assert owned == [(SHARDS, 1)]


@pytest.mark.postgresql
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["stopped", "crashed"])
def test_a_server_that_is_restarted_takes_nobody_for_dead(person, own_server, how):
    with contextlib.ExitStack() as stack:
        controllers = Controllers(person, own_server.place(), stack)
        controllers.up()
        controllers.until_all_say("one")
        controllers.up()
        before = controllers.until_owned_by([0, 1])
        own_server.stop(how)
        controllers.spoil()
        own_server.start()
        controllers.until_all_say("one")
        # Who had been taken for dead would have ended by now: it says so before it does anything else.
        declare(person, "two")
        controllers.until_all_say("two")
        assert controllers.until_owned_by([0, 1]) == before
        assert [daemon.poll() for daemon in controllers.daemons] == [None, None]


ROLLOUT = """\
apiVersion: froyo.dev/v1alpha1
kind: Rollout
metadata: {name: all}
spec:
  targets: {}
  waves: [{size: 1, untilPromoted: true}, {size: 3}]
"""


@pytest.mark.e2e
@pytest.mark.postgresql
def test_a_rollout_goes_on_where_it_was_when_the_one_that_decides_is_killed(controllers):
    controllers.person.write("rollout.yaml", ROLLOUT)
    controllers.up()
    controllers.up()
    person = controllers.person

    def phase(asked):
        text = controllers.people[asked].froyo("rollout", "status", "-o", "json", status=None).stdout
        return [one["phase"] for one in json.loads(text)["items"]] if text else []

    def have(content):
        return {file.name for file in controllers.files if file.exists() and file.read_text() == content}

    def promoted():
        """By whichever of them decides; the others say that they do not."""
        wish = ("rollout", "promote", "all")
        leader, *others = sorted(
            (one.froyo(*wish, status=None) for one in controllers.people), key=lambda done: done.returncode
        )
        return leader.returncode == 0 and all("say it there" in done.stderr for done in others)

    person.until(lambda: phase(0) == ["AwaitingPromotion"])
    person.until(promoted)
    controllers.until_all_say("one")
    person.until(lambda: phase(0) == ["Complete"])
    owners = controllers.until_owned_by([0, 1])

    declare(person, "two")
    person.until(lambda: phase(1) == ["AwaitingPromotion"])
    assert have("two") == {"t0"}
    # Whoever works on a target puts it right to what is in force there.
    controllers.spoil()
    person.until(lambda: have("two") == {"t0"} and len(have("one")) == TARGETS - 1)
    [leads] = [
        number
        for number, daemon in enumerate(controllers.daemons)
        if "this controller leads" in (controllers.people[number].base / "daemon.log").read_text()
    ]
    other = 1 - leads
    assert {*owners.values()} == {0, 1}
    controllers.daemons[leads].kill()
    controllers.daemons[leads].wait()
    person.until(lambda: {*controllers.owners(other).values()} == {other})
    assert have("two") == {"t0"}
    person.until(
        lambda: controllers.people[other].froyo("rollout", "promote", "all", status=None).returncode == 0
    )
    controllers.until_all_say("two")
    person.until(lambda: phase(other) == ["Complete"])
