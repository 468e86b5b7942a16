import json
import os
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.errors import LocalProtocolError, RemoteProtocolError
from reconciler.targets.frames import MAX_FRAME, FrameReader, canonical, decode, encode

# How long it takes decides nothing.


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
FRAMES = st.dictionaries(st.text(), JSON, max_size=5).map(lambda fields: {**fields, "type": "X"})


@given(FRAMES)
def test_a_frame_survives_the_wire(frame):
    line = encode(frame)
    assert line.count(b"\n") == 1
    assert decode(line[:-1]) == frame


@given(st.lists(FRAMES, max_size=4), st.lists(st.integers(0), max_size=8))
def test_frames_are_the_same_however_the_bytes_are_cut(frames, cuts):
    stream = b"".join(encode(frame) for frame in frames)
    places = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    reader = FrameReader()
    seen = []
    for start, end in pairwise(places):
        reader.feed(stream[start:end])
        while (frame := reader.next_frame()) is not None:
            seen.append(frame)
    assert seen == frames
    assert reader.incomplete == 0


@given(st.binary(max_size=40).filter(lambda name: b"\0" not in name))
def test_a_name_that_is_not_utf8_survives_the_wire(name):
    frame = decode(encode({"type": "X", "path": os.fsdecode(name)})[:-1])
    assert os.fsencode(frame["path"]) == name


def test_what_is_sent_is_canonical():
    assert encode({"type": "X", "b": "é\x7f", "a": 1}) == b'{"a":1,"b":"\\u00e9\\u007f","type":"X"}\n'
    assert canonical([None, "\udcff"]) == b'[null,"\\udcff"]'


@pytest.mark.parametrize("value", [float("nan"), float("inf"), b"bytes", object(), {1, 2}])
def test_a_value_that_json_has_no_word_for_is_our_own_mistake(value):
    with pytest.raises(LocalProtocolError, match="a X frame cannot be written"):
        encode({"type": "X", "value": value})


def test_a_frame_may_have_exactly_the_limit_and_not_a_byte_more():
    empty = len(encode({"type": "X", "s": ""}))
    largest = encode({"type": "X", "s": "a" * (MAX_FRAME - empty)})
    assert len(largest) == MAX_FRAME
    reader = FrameReader()
    reader.feed(largest)
    assert reader.next_frame() is not None
    with pytest.raises(LocalProtocolError, match="longer than"):
        encode({"type": "X", "s": "a" * (MAX_FRAME - empty + 1)})


@pytest.mark.parametrize("tail", [b"", b"\n"], ids=["unfinished", "finished"])
def test_a_line_that_is_too_long_is_refused_as_soon_as_that_is_certain(tail):
    reader = FrameReader(limit=100)
    reader.feed(b"x" * 99)
    assert reader.next_frame() is None
    reader.feed(b"x" + tail)
    with pytest.raises(RemoteProtocolError, match="longer than the 100 bytes") as caught:
        reader.next_frame()
    assert caught.value.kind == "too_large"


def test_a_long_frame_in_small_pieces_is_searched_once():
    class Counting(bytearray):
        searched = 0

        def find(self, what, start, end):
            Counting.searched += min(len(self), end) - start
            return super().find(what, start, end)

    reader = FrameReader()
    reader._buffer = Counting()
    for _ in range(1000):
        reader.feed(b"x" * 100)
        assert reader.next_frame() is None
    assert Counting.searched == 100_000


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (b"", "not_json"),
        (b"{", "not_json"),
        (b"{}{}", "not_json"),
        (b'{"type":"X","v":NaN}', "not_json"),
        (b'{"type":"X","v":-Infinity}', "not_json"),
        (b'{"type":"X","v":1e999}', "not_json"),
        (b'{"type":"X","v":"\xff"}', "not_json"),
        (b'{"type":"X","v":"\t"}', "not_json"),
        (b'{"type":"X","v":"\\ud800"}', "not_json"),
        (b'{"type":"X","v":"\\uD800x"}', "not_json"),
        (b'{"type":"X","v":"\\udc7f"}', "not_json"),
        (b'{"type":"X","v":"\\udfff"}', "not_json"),
        (b'{"\\udfff":1,"type":"X"}', "not_json"),
        (b"[" * 100_000, "not_json"),
        (b'{"type":"X","v":' + b"1" * 5000 + b"}", "not_json"),
        (b"\xef\xbb\xbf{}", "not_json"),
        ('{"type":"X"}'.encode("utf-16"), "not_json"),
        (b"[]", "not_object"),
        (b"null", "not_object"),
        (b"{}", "bad_field"),
        (b'{"type":null}', "bad_field"),
    ],
)
def test_what_is_no_frame_is_refused_for_the_right_reason(line, kind):
    with pytest.raises(RemoteProtocolError) as caught:
        decode(line)
    assert caught.value.kind == kind


def test_an_error_never_repeats_what_was_in_the_frame():
    for line in (
        b'{"type":"X","password":"hunter2"',
        b'{"type":"X","password":"hunter2\xff"}',
        b'["hunter2"]',
    ):
        with pytest.raises(RemoteProtocolError) as caught:
            decode(line)
        assert "hunter2" not in str(caught.value)
        assert caught.value.__cause__ is None


def test_surrogate_pairs_and_bytes_of_names_are_taken():
    frame = decode(rb'{"type":"X","v":"\ud83c\udf66 \udcff \udc80"}')
    assert frame["v"] == "\U0001f366 \udcff \udc80"
    assert json.loads(encode(frame)) == frame
