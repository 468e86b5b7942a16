"""The frames that the Go tests read too: both sides mean the same by the same bytes."""

import base64
import hashlib
import json
from pathlib import Path

import pytest

from reconciler.errors import RemoteProtocolError
from reconciler.targets.frames import canonical, decode, encode
from reconciler.targets.messages import Closed
from reconciler.targets.protocol import Connection

GOLDEN = Path(__file__).parents[3] / "micro_runner" / "golden"
CASES = [json.loads(path.read_text()) for path in sorted(GOLDEN.glob("*.json"))]
DIGESTS = [json.loads(path.read_text()) for path in sorted((GOLDEN / "digests").glob("*.json"))]


def line(case):
    return base64.b64decode(case["line_base64"]) if "line_base64" in case else case["line"].encode()


def cases(*, direction=None, valid=None, canonical=None, errors=None):
    chosen = [
        case
        for case in CASES
        if direction in {None, case["direction"]}
        and valid in {None, case["valid"]}
        and canonical in {None, case.get("canonical")}
        and (errors is None or case["error"] in errors)
    ]
    assert chosen
    return pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in chosen])


def hear(case):
    """What a connection makes of the case, with the commands under way that it speaks of."""
    connection = Connection()
    before = "".join(f"{earlier}\n" for earlier in case.get("after", [])).encode()
    if not before and b'"READY"' not in line(case):
        ready = next(other for other in CASES if other["name"] == "the first frame of a runner")
        before = line(ready) + b"\n"
    frame = case.get("frame", {})
    if before:  # no bytes at all would be the end
        list(connection.receive_data(before))
        for _ in range(frame.get("id", 1)):
            connection.send_command("file.stat", [{}] * len(frame.get("results", [])))
    return list(connection.receive_data(line(case) + b"\n"))


@cases(valid=True)
def test_a_valid_line_means_its_frame(case):
    assert decode(line(case)) == case["frame"]


@cases(valid=True, canonical=True)
def test_a_frame_is_written_exactly_so(case):
    assert encode(case["frame"]) == line(case) + b"\n"


@cases(direction="runner", valid=True)
def test_what_a_runner_may_say_is_taken(case):
    (message,) = hear(case)
    for field, value in case["frame"].items():
        if field in {"id", "event", "data", "results", "reason", "boot_id", "watch"}:
            said = getattr(message, field)
            # The digest of what was seen is over these, so that they have to become just what they were.
            assert ([one.wire() for one in said] if field == "results" else said) == value
    assert not isinstance(message, Closed)


@cases(direction="runner", valid=False)
def test_what_a_runner_may_not_say_is_refused_for_the_right_reason(case):
    with pytest.raises(RemoteProtocolError) as caught:
        hear(case)
    assert caught.value.kind == case["error"]


@cases(direction="controller", valid=False, errors={"not_json", "not_object"})
def test_what_no_line_may_be_is_refused_whoever_says_it(case):
    with pytest.raises(RemoteProtocolError) as caught:
        decode(line(case))
    assert caught.value.kind == case["error"]


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in DIGESTS])
def test_a_digest_is_over_the_canonical_form(case):
    assert canonical(case["value"]) == case["canonical"].encode()
    assert case["digest"] == f"sha256:{hashlib.sha256(canonical(case['value'])).hexdigest()}"
