"""Whatever bytes a runner sends: the controller takes them or says what is wrong, and never anything else.

For longer: FUZZ_EXAMPLES=100000 pytest tests/fuzz
"""

import json
import os
from itertools import pairwise
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.errors import RemoteProtocolError
from reconciler.targets.frames import FrameReader, decode, encode
from reconciler.targets.messages import Closed
from reconciler.targets.protocol import Connection
from reconciler.targets.states import ConnectionState

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "300"))
GOLDEN = [
    json.loads(path.read_text())
    for path in sorted((Path(__file__).parents[2] / "micro_runner" / "golden").glob("*.json"))
]
LINES = [case["line"].encode() for case in GOLDEN if "line" in case]
KINDS = {"too_large", "not_json", "not_object", "bad_field", "unknown_type", "bad_id", "out_of_turn"}
LIMIT = 4096

fuzz = settings(
    max_examples=EXAMPLES,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@st.composite
def mutated(draw):
    """A golden line with some bytes changed, left out, doubled or put in."""
    line = bytearray(draw(st.sampled_from(LINES)))
    for _ in range(draw(st.integers(0, 4))):
        place = draw(st.integers(0, len(line)))
        match draw(st.sampled_from(["change", "cut", "double", "insert"])):
            case "change":
                line[place : place + 1] = draw(st.binary(min_size=1, max_size=1))
            case "cut":
                del line[place : place + draw(st.integers(1, 8))]
            case "double":
                line[place:place] = line[place : place + draw(st.integers(1, 40))]
            case "insert":
                line[place:place] = draw(
                    st.binary(max_size=6)
                    | st.sampled_from([b"\\ud800", b"\\udcff", b"NaN", b"1e999", b"[" * 99])
                )
    return bytes(line) + draw(st.sampled_from([b"\n", b"\n", b"\n", b"", b"\r\n", b"\n\n"]))


STREAMS = st.lists(
    mutated() | st.binary(max_size=200) | st.sampled_from(LINES).map(lambda line: line + b"\n")
)


def complaint(work):
    """Which rule of the protocol `work` found to be broken."""
    try:
        work()
    except RemoteProtocolError as error:
        return error.kind
    return None


def pieces(stream, cuts):
    """The stream, cut at some places."""
    places = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    return [stream[start:end] for start, end in pairwise(places) if start < end]


@fuzz
@given(STREAMS, st.lists(st.integers(0), max_size=6))
def test_a_reader_gives_the_same_frames_however_the_bytes_come_or_fails_the_same_way(stream, cuts):
    def read(chunks):
        reader = FrameReader(limit=LIMIT)
        frames = []

        def work():
            for chunk in chunks:
                reader.feed(chunk)
                while (frame := reader.next_frame()) is not None:
                    frames.append(frame)
            assert reader.incomplete < LIMIT

        return frames, complaint(work)

    whole = b"".join(stream)
    assert read(pieces(whole, cuts)) == read([whole] if whole else [])


@fuzz
@given(mutated())
def test_what_is_taken_can_be_said_again(line):
    def work():
        frame = decode(line.rstrip(b"\n"))
        assert decode(encode(frame)[:-1]) == frame

    assert complaint(work) in KINDS | {None}


@fuzz
@given(STREAMS, st.lists(st.integers(0), max_size=6), st.integers(0, 5))
def test_a_connection_takes_what_comes_or_is_broken(stream, cuts, asked):
    connection = Connection(max_frame=LIMIT)
    ready = next(case for case in GOLDEN if case["name"] == "the first frame of a runner")
    list(connection.receive_data(ready["line"].encode() + b"\n"))
    for _ in range(asked):
        connection.send_command("file.stat", [{}])

    def work():
        for chunk in pieces(b"".join(stream), cuts):
            for message in connection.receive_data(chunk):
                assert not isinstance(message, Closed)
        assert isinstance(list(connection.receive_data(b""))[-1], Closed)

    kind = complaint(work)
    assert kind in KINDS | {None}
    assert (connection.state is ConnectionState.BROKEN) == (kind is not None)
