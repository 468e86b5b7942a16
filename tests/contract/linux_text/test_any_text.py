"""Whatever is in a file: what was put right once needs nothing more, and nothing else was touched."""

import re

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.model.calls import Failure

BEGIN, END = "# BEGIN managed by OpenFroyo", "# END managed by OpenFroyo"
PIECES = st.sampled_from(
    [
        *(
            b"a=1",
            b"a=2",
            b"#a=1",
            b"b",
            b"",
            b"  ",
            b"\xe9\xe8 latin",
            b"\xef\xbb\xbf",
            b"\x00",
            b"\r",
            b"a=\r1",
        ),
        *(BEGIN.encode(), END.encode(), BEGIN.encode() + b" ", b"x" + END.encode()),
    ]
)
ENDS = st.sampled_from([b"\n", b"\n", b"\r\n", b""])
TEXTS = st.builds(
    lambda mark, lines: mark + b"".join(content + end for content, end in lines),
    st.sampled_from([b"", b"", b"\xef\xbb\xbf", b"\xff\xfe"]),
    st.lists(st.tuples(PIECES, ENDS), max_size=12),
)
PLACES = st.sampled_from(
    [
        {},
        {"at": "begin"},
        {"at": "end"},
        {"insertAfter": "b"},
        {"insertBefore": "^b"},
        {"insertAfter": "nowhere"},
    ]
)
LINES = st.builds(
    lambda line, match, several, state, place: {"line": line, **match, **several, **state, **place},
    st.sampled_from(["a=1", "a=2", "b", "é", " ", "\ufeffa=1"]),
    st.sampled_from(
        [{}, {"match": "^a="}, {"match": "^#?a="}, {"match": "b"}, {"match": "^$"}, {"match": "."}]
    ),
    st.sampled_from([{}, {"several": "first"}, {"several": "last"}, {"several": "all"}]),
    st.sampled_from([{}, {}, {"state": "absent"}]),
    PLACES,
)
BLOCKS = st.builds(
    lambda content, state, place: {"content": content, **state, **place},
    st.sampled_from(["", "\n", "a=1", "a=1\n", "a=1\nb\n", "b\n\n", "é", END]),
    st.sampled_from([{}, {}, {"state": "absent"}]),
    PLACES,
)
QUICK = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def lines_of(text: bytes) -> list[bytes]:
    """The lines, without what ends them."""
    return re.split(rb"\r?\n", text)


def held(bench, tmp_path, kind, text, spec):
    """What is in the file after it was put right, or None where that is refused."""
    path = tmp_path / "file"
    path.write_bytes(text)
    one = bench.resource(kind, path=str(path), **spec)
    [operation] = bench.plan(one)
    assert path.read_bytes() == text
    if "fault" in operation or operation.get("obstacles"):
        return None
    for reply in bench.apply(operation) if operation.get("calls") else []:
        if isinstance(reply, Failure):
            assert path.read_bytes() == text
            return None
    after = path.read_bytes()
    assert (after != text) is (operation["action"] != "none")
    [again] = bench.plan(one)
    assert again["action"] == "none", (text, after, again)
    return after


@QUICK
@given(text=TEXTS, spec=LINES)
def test_a_line_in_any_text(bench, tmp_path, text, spec):
    after = held(bench, tmp_path, "Line", text, spec)
    if after is None:
        return
    line, match = spec["line"].encode(), spec.get("match")
    bare = after.removeprefix(b"\xef\xbb\xbf")
    if spec.get("state") == "absent":
        assert line not in [one for one in lines_of(bare)[:-1] if one]
    else:
        assert line in lines_of(bare)

    def others(content):
        found = (re.sub(b"\r|\xef\xbb\xbf", b"", one) for one in lines_of(content))
        return [
            one
            for one in found
            if one.strip(b" ")
            and one != line.replace(b"\xef\xbb\xbf", b"")
            and not (match and re.search(match.encode(), one))
        ]

    assert others(after) == others(text)


@QUICK
@given(text=TEXTS, spec=BLOCKS)
def test_a_block_in_any_text(bench, tmp_path, text, spec):
    after = held(bench, tmp_path, "Block", text, spec)
    if after is None:
        return
    found = [one.rstrip(b" \t") for one in lines_of(after.removeprefix(b"\xef\xbb\xbf"))]
    begins, ends = found.count(BEGIN.encode()), found.count(END.encode())
    if spec.get("state") == "absent":
        assert (begins, ends) == (0, 0)
        return
    assert (begins, ends) == (1, 1)
    at = found.index(BEGIN.encode())
    content = spec["content"].removesuffix("\n").encode()
    inside = lines_of(after.removeprefix(b"\xef\xbb\xbf"))[at + 1 : found.index(END.encode())]
    assert inside == (content.split(b"\n") if spec["content"] else [])


@QUICK
@given(text=TEXTS, specs=st.lists(LINES | BLOCKS, min_size=2, max_size=4))
def test_several_at_once_are_what_they_are_one_after_another(bench, tmp_path, text, specs):
    """In one command; what contradicts each other is a conflict at most, and never half a file."""
    path = tmp_path / "file"
    path.write_bytes(text)
    declared = [
        bench.resource("Line" if "line" in spec else "Block", str(at), path=str(path), **spec)
        for at, spec in enumerate(specs)
    ]
    replies = bench.put_right(*declared)
    together = path.read_bytes()
    if any(isinstance(reply, Failure) for reply in replies):
        return
    path.write_bytes(text)
    planned = [one for one in bench.plan(*declared) if one.get("calls") and not one.get("obstacles")]
    for operation in planned:
        bench.apply(operation)
    assert path.read_bytes() == together
