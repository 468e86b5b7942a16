"""What the SDK makes of a program that a provider has run."""

import base64
from typing import Any

import pytest

from froyo_provider import PermanentError
from froyo_provider.programs import printed, program, run, succeeded
from tests.unit.plugins.test_sdk_calls import drive


def ended(
    status: int | None, stdout: str = "", stderr: str = "", signal: str | None = None
) -> dict[str, Any]:
    out, err = (base64.b64encode(text.encode()).decode() for text in (stdout, stderr))
    return {"exit": status, "signal": signal, "stdout": out, "stderr": err, "truncated": False}


def test_a_program_is_one_run_for_each_that_it_is_run_for() -> None:
    one, other = (
        program("host/Mount/a", "mount", "/a"),
        program("host/Mount/b", "mount", "/a", seconds=5, cwd="/"),
    )
    assert one["call"] == "exec.run"
    assert one["args"]["argv"] == ["mount", "/a"]
    assert one["args"]["anew"]
    assert one["args"]["id"] != other["args"]["id"] != program("host/Mount/b", "mount", "/b")["args"]["id"]
    assert (other["args"]["timeout_ms"], other["args"]["cwd"]) == (5000, "/")


def test_what_it_prints_is_given() -> None:
    said, rounds = drive(run("host/A/a", "date"), lambda _: {"ok": ended(0, "today\n", "odd\n")})
    assert said == "today\nodd\n"
    assert [[name for name, _ in calls] for calls in rounds] == [["exec.run"]]


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (ended(2, "", "no such table\n"), "tidy failed (exit status 2): no such table"),
        (ended(1, "one\ntwo\n"), "tidy failed (exit status 1):\none\ntwo"),
        (ended(None, signal="SIGKILL"), "tidy failed (SIGKILL)"),
    ],
)
def test_one_that_fails_says_how(reply: dict[str, Any], says: str) -> None:
    with pytest.raises(PermanentError) as caught:
        succeeded(["tidy", "--now"], reply)
    assert str(caught.value) == says


def test_what_is_no_text_is_shown_as_far_as_it_is_one() -> None:
    assert (
        printed({"stdout": base64.b64encode(b"a\xff").decode(), "stderr": ""}) == "a\N{REPLACEMENT CHARACTER}"
    )
