import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from reconciler.errors import ErrorClass, LocalProtocolError, RemoteProtocolError
from reconciler.model.calls import Failure, Ok
from reconciler.targets.messages import Closed, CommandEvent, Done, Exit, Failed, Heartbeat, Ready
from reconciler.targets.protocol import Connection
from reconciler.targets.states import (
    ANSWERING,
    CANCELLING,
    RECEIVING,
    SENDING,
    CommandState,
    ConnectionState,
)
from tests.unit.targets.fake_runner import READY, fault

S = ConnectionState
# How long it takes decides nothing.


def say(connection, *frames):
    """What the connection makes of frames from the runner."""
    data = b"".join(json.dumps(frame).encode() + b"\n" for frame in frames)
    return list(connection.receive_data(data))


@pytest.fixture
def connection():
    connection = Connection()
    say(connection, READY)
    return connection


def test_ready_says_what_the_runner_is():
    connection = Connection()
    (ready,) = say(connection, READY)
    assert ready == Ready(
        protocol=1,
        version="0.1.0",
        os="linux",
        arch="amd64",
        pid=4711,
        uid=0,
        boot_id=READY["boot_id"],
        commands=frozenset({"facts", "file.stat"}),
        watch="fanotify",
        schemes=frozenset({"path"}),
    )
    assert connection.state is S.RUNNING


def test_a_runner_says_of_which_subjects_it_can_watch():
    (ready,) = say(Connection(), {**READY, "schemes": ["path", "unit"]})
    assert ready.schemes == {"path", "unit"}
    with pytest.raises(RemoteProtocolError, match="schemes"):
        say(Connection(), {**READY, "schemes": [1]})


@pytest.mark.parametrize("missing", sorted(set(READY) - {"type"}))
def test_a_ready_that_lacks_something_is_refused(missing):
    with pytest.raises(RemoteProtocolError, match=missing) as caught:
        say(Connection(), {name: value for name, value in READY.items() if name != missing})
    assert caught.value.kind == "bad_field"


def test_a_command_is_numbered_in_the_order_of_its_bytes(connection):
    numbers = [connection.send_command("facts", [{}])[0] for _ in range(3)]
    assert numbers == [1, 2, 3]
    assert list(connection.under_way) == numbers


def test_a_command_says_its_options_and_its_deadline(connection):
    _, data = connection.send_command("watch", [], options={"subjects": ["path:/etc"]}, deadline=1.5)
    assert json.loads(data) == {
        "type": "CMD",
        "id": 1,
        "command": "watch",
        "items": [],
        "options": {"subjects": ["path:/etc"]},
        "deadline_ms": 1500,
    }
    _, data = connection.send_command("facts", [{}], deadline=0.0001)
    assert json.loads(data)["deadline_ms"] == 1


def test_a_command_that_does_not_fit_takes_no_number():
    connection = Connection(max_frame=500)
    say(connection, READY)
    with pytest.raises(LocalProtocolError, match="longer than"):
        connection.send_command("file.stat", [{"path": "/" + "a" * 500}])
    assert connection.send_command("facts", [{}])[0] == 1


def test_commands_are_answered_in_any_order(connection):
    first, _ = connection.send_command("file.stat", [{}, {}])
    second, _ = connection.send_command("facts", [{}])
    replies = [{"ok": {"exists": False}}, {"error": fault("enoent")}]
    assert say(
        connection,
        {"type": "ERROR", "id": second, "error": fault("deadline")},
        {"type": "EVENT", "id": first, "event": "progress", "data": {}},
        {"type": "DONE", "id": first, "results": replies},
    ) == [
        Failed(second, Failure(ErrorClass.TRANSIENT, "deadline", "it is deadline")),
        CommandEvent(first, "progress", {}),
        Done(first, [Ok({"exists": False}), Failure(ErrorClass.TRANSIENT, "enoent", "it is enoent")]),
    ]
    assert not connection.under_way


@pytest.mark.parametrize("results", [[], [{"ok": {}}, {"ok": {}}]], ids=["too few", "too many"])
def test_an_answer_without_one_result_for_each_item_is_refused(connection, results):
    connection.send_command("facts", [{}])
    with pytest.raises(RemoteProtocolError, match="results for 1 items"):
        say(connection, {"type": "DONE", "id": 1, "results": results})


@pytest.mark.parametrize(
    "result",
    [
        {},
        None,
        [],
        {"ok": 1},
        {"ok": {}, "error": fault("x")},
        {"error": "enoent"},
        {"error": {"class": "transient", "code": "x"}},
        {"error": {"class": "odd", "code": "x", "message": "y"}},
        {"error": fault("x", retry_after_ms=-1)},
        {"error": fault("x", retry_after_ms=True)},
    ],
)
def test_a_result_is_a_proper_ok_or_a_proper_error(connection, result):
    connection.send_command("facts", [{}])
    with pytest.raises(RemoteProtocolError) as caught:
        say(connection, {"type": "DONE", "id": 1, "results": [result]})
    assert caught.value.kind == "bad_field"


@pytest.mark.parametrize("kind", ["DONE", "ERROR", "EVENT"])
def test_an_answer_to_what_was_never_asked_is_refused(connection, kind):
    frame = {"id": 1, "results": [], "error": fault("x"), "event": "chunk", "data": {}}
    with pytest.raises(RemoteProtocolError, match="command 1, which is not under way"):
        say(connection, {"type": kind, **frame})


def test_a_command_is_answered_once(connection):
    connection.send_command("facts", [])
    say(connection, {"type": "DONE", "id": 1, "results": []})
    with pytest.raises(RemoteProtocolError, match="not under way"):
        say(connection, {"type": "DONE", "id": 1, "results": []})


def test_a_cancelled_command_still_owes_its_answer(connection):
    number, _ = connection.send_command("facts", [{}])
    assert json.loads(connection.send_cancel(number)) == {"type": "CANCEL", "id": 1}
    assert list(connection.under_way) == [1]
    assert say(connection, {"type": "ERROR", "id": 1, "error": fault("cancelled")})
    assert not connection.under_way


def test_what_is_not_under_way_or_was_cancelled_before_cannot_be_cancelled(connection):
    with pytest.raises(LocalProtocolError, match="not under way"):
        connection.send_cancel(1)
    number, _ = connection.send_command("facts", [{}])
    connection.send_cancel(number)
    with pytest.raises(LocalProtocolError, match="not under way"):
        connection.send_cancel(number)


def test_the_other_frames_say_what_they_should(connection):
    sent = [
        connection.send_blob(digest="sha256:1", offset=0, data="aGk=", encoding="identity", last=True),
        connection.send_renew(600),
        connection.send_renew(0),
        connection.send_heartbeat(),
        connection.send_exit(),
    ]
    assert [json.loads(frame) for frame in sent] == [
        {
            "type": "BLOB",
            "digest": "sha256:1",
            "offset": 0,
            "data": "aGk=",
            "encoding": "identity",
            "last": True,
        },
        {"type": "RENEW", "ttl_ms": 600000},
        {"type": "RENEW", "ttl_ms": 1},
        {"type": "HEARTBEAT"},
        {"type": "EXIT"},
    ]


def test_commands_under_way_are_answered_after_we_have_said_exit(connection):
    connection.send_command("facts", [])
    connection.send_exit()
    assert say(
        connection,
        {"type": "DONE", "id": 1, "results": []},
        {"type": "HEARTBEAT"},
        {"type": "EXIT", "reason": "exit", "message": "bye"},
    ) == [Done(1, []), Heartbeat(), Exit("exit", "bye")]
    assert list(connection.receive_data(b"")) == [Closed(0)]
    assert connection.state is S.CLOSED


def test_the_end_says_what_was_cut_off(connection):
    assert list(connection.receive_data(b'{"type":"HEARTB')) == []
    assert list(connection.receive_data(b"")) == [Closed(15)]


def test_what_came_before_a_violation_is_given_before_it_is_raised(connection):
    connection.send_command("facts", [])
    messages = connection.receive_data(b'{"type":"DONE","id":1,"results":[]}\nhello\n{"type":"HEARTBEAT"}\n')
    assert next(messages) == Done(1, [])
    with pytest.raises(RemoteProtocolError):
        next(messages)
    assert connection.state is S.BROKEN


def test_after_a_violation_nothing_can_be_said_or_heard(connection):
    with pytest.raises(RemoteProtocolError):
        list(connection.receive_data(b"hello\n"))
    with pytest.raises(LocalProtocolError, match="BROKEN"):
        connection.send_heartbeat()
    with pytest.raises(RemoteProtocolError, match="BROKEN"):
        say(connection, {"type": "HEARTBEAT"})


def test_nothing_can_be_said_before_ready():
    with pytest.raises(LocalProtocolError, match="CMD cannot be said while the connection is STARTING"):
        Connection().send_command("facts", [{}])


def test_a_type_that_no_runner_says_is_refused_without_repeating_all_of_it(connection):
    with pytest.raises(RemoteProtocolError) as caught:
        say(connection, {"type": "X" * 100})
    assert caught.value.kind == "unknown_type"
    assert "X" * 41 not in str(caught.value)


def test_every_state_has_its_rows_in_the_tables():
    assert set(RECEIVING) == set(SENDING) == set(ConnectionState)
    assert set(ANSWERING) == set(CANCELLING) == set(CommandState)


@given(st.binary(max_size=300))
def test_a_runner_may_say_anything_and_only_a_protocol_error_comes_of_it(data):
    say_ready = json.dumps(READY).encode() + b"\n"
    connection = Connection(max_frame=len(say_ready))
    list(connection.receive_data(say_ready))
    try:
        list(connection.receive_data(data + b"\n"))
    except RemoteProtocolError:
        assert connection.state is S.BROKEN


class Conversation(RuleBasedStateMachine):
    """Both roles at once: whatever lawful people say in whatever order, neither side complains."""

    @initialize()
    def start(self):
        self.connection = Connection()
        self.asked = {}
        self.exited = False
        assert say(self.connection, READY)

    @precondition(lambda self: not self.exited)
    @rule(items=st.integers(0, 3))
    def ask(self, items):
        number, data = self.connection.send_command("file.stat", [{}] * items)
        assert json.loads(data)["id"] == number
        assert number not in self.asked
        self.asked[number] = items

    @precondition(lambda self: self.asked and not self.exited)
    @rule(data=st.data())
    def cancel(self, data):
        number = data.draw(st.sampled_from(sorted(self.asked)))
        try:
            self.connection.send_cancel(number)
        except LocalProtocolError:
            assert self.connection._commands[number].state is CommandState.CANCELLING

    @precondition(lambda self: self.asked)
    @rule(data=st.data(), kind=st.sampled_from(["DONE", "ERROR", "EVENT"]))
    def answer(self, data, kind):
        number = data.draw(st.sampled_from(sorted(self.asked)))
        results = [{"ok": {}}] * self.asked[number]
        frame = {"results": results, "error": fault("x"), "event": "progress", "data": {}}
        (message,) = say(self.connection, {"type": kind, "id": number, **frame})
        assert message.id == number
        if kind != "EVENT":
            del self.asked[number]
        assert set(self.connection.under_way) == set(self.asked)

    @rule()
    def beat(self):
        assert say(self.connection, {"type": "HEARTBEAT"}) == [Heartbeat()]

    @precondition(lambda self: not self.exited)
    @rule()
    def leave(self):
        self.connection.send_exit()
        self.exited = True


TestConversation = Conversation.TestCase
