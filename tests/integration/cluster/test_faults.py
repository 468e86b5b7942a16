"""An operator that is killed under load, and whose cluster, store and access are taken away: it ends as declared.

What is declared at last is on the machine and said of every object; nothing has gone meanwhile that was to stay, and
nobody saw half a file; and then nothing is done any more. A seed decides what happens when.
"""

import json
import os
import random
import signal
import threading
from datetime import UTC, datetime, timedelta

import pytest

from tests.integration.cluster.load import (
    OBJECTS,
    Activity,
    Author,
    Operator,
    Witness,
    body,
    unsettled,
    until,
)
from tests.integration.cluster.test_rights import ask
from tests.lab.control_plane import ClusterError
from watchers.kubernetes import certificates

pytestmark = [pytest.mark.e2e, pytest.mark.cluster, pytest.mark.faults, pytest.mark.xdist_group("cluster")]

KILLS = 50
TURNS = 5
AT_REST, MOST_AT_REST = 5.0, 150
"""Seconds, and how many requests about our kinds there may be in them: each kind is listed and heard now and then."""


@pytest.fixture
def dice(request):
    seed = os.environ.get("FROYO_SEED") or str(random.SystemRandom().randrange(10**6))
    print(f"\nFROYO_SEED={seed} {request.node.name}")  # noqa: T201 - for who reads the report
    return random.Random(seed)


def waited(seconds):
    """What happens by chance happens by the clock."""
    threading.Event().wait(seconds)


class Load:
    """An operator with many objects, an author who changes them, and a witness.

    Args:
        cluster: with the definitions.
        directory: for all of it.
        dice: what is by chance.
    """

    def __init__(self, cluster, directory, dice, **environ):
        self.cluster = cluster
        self.files = directory / "files"
        self.files.mkdir()
        self.operator = Operator(cluster, directory, **environ)
        self.author = Author(cluster, self.files, dice)
        self.activity = Activity(cluster, self.operator)
        self.witness = Witness(self.files, self.author.sent)

    def begin(self):
        self.author.begin()
        self.operator.start()
        until("the first files are there", lambda: len(os.listdir(self.files)) >= OBJECTS // 2)
        return self.witness

    def ends_well(self):
        """The author has no more to say, and all is as it should be."""
        self.author.end()
        assert self.author.done["answered"] > 0
        unwell, asked = [], set()

        def settled():
            assert not self.operator.ended, self.operator.log[-4000:]
            unwell[:] = unsettled(self.cluster, self.files)
            left = {one.partition(" ")[0] for one in unwell if one.endswith("is left")}
            if left - asked and len(left) == len(unwell):
                # Deleted before the finalizer was on it, and unseen: that is for a person to say, and is said.
                waits = self.operator.froyo("get", "-o", "json")
                asked.update(one for one in left if f"here/File/{one}" in waits and "PruneHeld" in waits)
                self.operator.froyo("approve", "--all", "--reason", "deleted unseen")
            return not unwell

        try:
            until("all is as declared", settled)
        except AssertionError as error:
            raise AssertionError(f"{error}: {unwell[:5]}\n{self.operator.log[-4000:]}") from None
        until("it is ready", lambda: self.operator.ask("readyz")[0] == 200)
        until("nothing is done any more", lambda: self.activity.rests(AT_REST, MOST_AT_REST))
        assert unsettled(self.cluster, self.files) == []
        assert self.witness.wrong == []
        assert self.witness.looks > 0
        assert self.operator.terminate() == 0, self.operator.log[-4000:]
        assert "Traceback" not in self.operator.log
        print(f"author: {dict(self.author.done)}, deleted unseen: {len(asked)}")  # noqa: T201 - for who reads the report


@pytest.fixture
def load(known, tmp_path, dice):
    running = []

    def made(**environ):
        running.append(Load(known, tmp_path, dice, **environ))
        return running[-1]

    yield made
    known.run("up")  # whatever happened to its parts
    for one in running:
        one.author.end()
        one.operator.close()


def test_whenever_it_is_killed_the_next_one_goes_on(load, dice):
    under = load()
    with under.begin():
        for _ in range(KILLS):
            if dice.random() < 0.8:  # else it dies while it starts
                until("it is there", lambda: under.operator.ask("livez")[0] == 200)
            waited(dice.random() * 1.5)
            assert not under.operator.ended, under.operator.log[-4000:]
            under.operator.kill()
            under.operator.start()
        under.ends_well()


@pytest.mark.parametrize("part", ["apiserver", "etcd"])
@pytest.mark.parametrize(
    ("harm", "mend"),
    [("kill", "start"), ("stop", "start"), ("freeze", "thaw")],
    ids=["killed", "stopped", "frozen"],
)
def test_a_part_of_the_cluster_that_is_gone_for_a_while(load, dice, known, part, harm, mend):
    under = load()
    with under.begin():
        for turn in range(TURNS):
            waited(dice.random() * 2)
            known.run(harm, part)
            # Once for longer than anybody waits for an answer.
            seconds = 40 if turn == TURNS // 2 else dice.random() * 6
            before = under.operator.way.taken
            waited(seconds)
            assert not under.operator.ended, under.operator.log[-4000:]
            tries = under.operator.way.taken - before
            print(f"{part} {harm}: {seconds:.1f} s, {tries} connections")  # noqa: T201 - for who reads the report
            assert tries < 200 + 40 * seconds, "it tries again and again"
            known.run(mend, part)
        known.run("up")
        under.ends_well()


def test_streams_that_are_cut_and_histories_that_are_compacted(load, dice, known):
    under = load()
    with under.begin():
        cut = 0
        for _ in range(4 * TURNS):
            waited(dice.random())
            if dice.random() < 0.5:
                known.run("compact")
            cut += under.operator.way.cut()
        assert cut > TURNS
        under.ends_well()


@pytest.mark.parametrize("how", ["stopped", "crashed", "frozen"])
def test_a_server_with_its_store_that_is_gone_for_a_while(load, dice, own_server, how):
    under = load(FROYO_STORE=own_server.place())
    with under.begin():
        for _ in range(TURNS):
            waited(dice.random() * 2)
            if how == "frozen":
                own_server.signal_all(signal.SIGSTOP)
            else:
                own_server.stop(signal.SIGINT if how == "stopped" else signal.SIGQUIT)
            until("it says so", lambda: "postgresql://" in under.operator.ask("readyz?verbose")[1])
            waited(dice.random() * 6)
            assert not under.operator.ended, under.operator.log[-4000:]
            if how == "frozen":
                own_server.signal_all(signal.SIGCONT)
            else:
                own_server.start()
        under.ends_well()
    assert own_server.ask("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'froyo'") == [(0,)]


# --- What only a pod has ----------------------------------------------------------------------------------------------


def made(name, content):
    return {
        "apiVersion": "linux.froyo.dev/v1alpha1",
        "kind": "File",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"target": "here", "path": f"/tmp/{name}", "content": content},
    }


def apply(cluster, number, names):
    target = {
        "apiVersion": "froyo.dev/v1alpha1",
        "kind": "Target",
        "metadata": {"name": "here"},
        "spec": {"local": {}},
    }
    documents = [target, *(made(name, body(name, number)) for name in names)]
    cluster.kubectl("apply", "-n", "default", "-f", "-", given="\n---\n".join(map(json.dumps, documents)))


def refused(cluster):
    """How many requests were made by somebody whom the API server did not know."""
    lines = cluster.kubectl("get", "--raw", "/metrics").splitlines()
    return sum(
        float(one.rpartition(" ")[2])
        for one in lines
        if one.startswith("authentication_attempts{") and 'result="success"' not in one
    )


def test_a_token_that_counts_no_longer_is_exchanged_later(installed, pods, dice):
    pod = pods()
    directory = pod.directory / f"{pod.name}.tmp"
    names = [f"f{number}" for number in range(20)]

    def has(number):
        return all(
            (directory / name).exists() and (directory / name).read_text() == body(name, number)
            for name in names
        )

    number = 0
    apply(installed, number, names)
    until("all is there", lambda: has(0))
    for _ in range(TURNS):
        account = ("serviceaccount", "froyo-operator", "--namespace", "froyo-system")
        # Of the same name, and another one all the same.
        installed.kubectl("delete", *account)
        installed.kubectl("create", *account)
        # A server goes on for ten seconds with what it knows of a token.
        until("it does not count", lambda: ask(pod, "/api/v1/namespaces/default") == 401)
        number += 1
        apply(installed, number, names)
        waited(5)  # what is new is tried at once, object by object
        before = refused(installed)
        seconds = 5 + 10 * dice.random()
        waited(seconds)
        tries = refused(installed) - before
        print(f"{seconds:.1f} s with a token that does not count: {tries:.0f} requests")  # noqa: T201
        assert before > 0
        assert tries < 100 + 30 * seconds, "it tries again and again"
        assert not pod.ended, pod.text[-4000:]
        # Nothing has gone meanwhile, be it that a stream from before has brought what is new.
        assert all(
            (directory / name).read_text() in {body(name, n) for n in (number - 1, number)} for name in names
        )
        pod.renew_token()
        until("it goes on", lambda: has(number))  # noqa: B023 - called at once
    until("it is ready", lambda: pod.probe("readinessProbe")[0] == 200)
    installed.kubectl("wait", "--for=condition=Ready", "ffile", "--all", "--timeout=60s")
    assert pod.terminate() == 0


def test_a_certificate_that_is_exchanged_while_it_is_shown_is_believed_all_the_time(installed, asked, dice):
    """One that is due half a minute after it was given: the API server knows the old one and the new one meanwhile."""

    def kept():
        data = installed.get("secret", "froyo-webhook", "-n", "froyo-system").get("data") or {}
        return certificates.Certificate.of(data)

    before = kept()
    assert asked.terminate() == 0
    names = ["froyo-webhook.froyo-system.svc", "froyo-webhook.froyo-system.svc.cluster.local"]
    age = certificates.LIFE - certificates.RENEWED - timedelta(seconds=30)
    due = certificates.make(names, datetime.now(UTC) - age, before)
    installed.kubectl(
        "patch",
        "secret",
        "froyo-webhook",
        "-n",
        "froyo-system",
        "--type=merge",
        "-p",
        json.dumps({"data": due.data}),
    )
    pod = asked.__class__(installed, asked.directory)
    try:
        apply(installed, 0, ["f"])
        twice = json.dumps({**made("g", "x"), "spec": {**made("g", "x")["spec"], "path": "/tmp/f"}})

        def denied():
            try:
                installed.kubectl("apply", "--dry-run=server", "-f", "-", given=twice)
            except ClusterError as error:
                return "denied the request" in str(error)
            return False

        until("it is asked", denied)
        taken = asks = 0
        while kept() == due or asks < 50:
            asks += 1
            taken += not denied()
            assert not pod.ended, pod.text
        for _ in range(100):  # whoever shows the new one from here on
            asks += 1
            taken += not denied()
        print(f"asked {asks} times, {taken} of them in vain")  # noqa: T201
        assert taken == 0
        assert due.chain not in kept().chain
    finally:
        pod.terminate()
