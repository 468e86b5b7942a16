"""What a process of the compiler may take, what it can reach, and what becomes of one that takes more."""

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from reconciler.config.compiler import CompilerError, CompilerExceeded, CompilerMissing, process
from reconciler.config.compiler.client import Compiler
from reconciler.languages import end_evaluations

ONE = {"files": {"a.cue": 'x: {apiVersion: "v1", kind: "One"}\n'}, "library": {}, "tags": {}}
ENDLESS = "a0: [0]\n" + "".join(f"a{i}: [{', '.join([f'a{i - 1}'] * 9)}]\n" for i in range(1, 12))
MANY = 'import "list"\nx: [for i in list.Range(0, 100000000, 1) {a: i}]\n'
DEEP = "#T: {n: int, next: #T & {n: n + 1}}\nx: #T & {n: 0}\n"


def asking(text, operation="cue.evaluate"):
    return operation, {**ONE, "files": {"a.cue": text}}


@pytest.fixture
def alone(compiler):
    """A compiler with a process that has been asked something, and that process."""
    own = Compiler(compiler.binary.parent)
    own.ask("cue.evaluate", ONE)
    [process] = processes_of(own)
    yield own, process._process
    own.close()


def kinds(answer):
    return [one["value"]["kind"] for program in answer["programs"] for one in program["objects"]]


def processes_of(compiler):
    return [process for process, _ in compiler._idle]


def test_one_process_answers_one_request_after_another(compiler):
    answers = [compiler.ask("cue.evaluate", ONE) for _ in range(3)]
    assert [kinds(answer) for answer in answers] == [["One"]] * 3
    assert len(processes_of(compiler)) == 1


def test_requests_at_once_have_a_process_each(compiler):
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: compiler.ask("cue.evaluate", ONE), range(16)))
    assert [kinds(answer) for answer in answers] == [["One"]] * 16
    assert len(processes_of(compiler)) <= 2


def test_a_request_that_takes_too_long_is_ended_and_others_go_on(compiler):
    with ThreadPoolExecutor(1) as threads:
        endless = threads.submit(compiler.ask, *asking(ENDLESS), seconds=0.5)
        assert kinds(compiler.ask("cue.evaluate", ONE)) == ["One"]
        with pytest.raises(CompilerExceeded, match=r"it takes longer than 0\.5 s"):
            endless.result()
    assert kinds(compiler.ask("cue.evaluate", ONE)) == ["One"]


def test_a_request_that_takes_too_much_memory_is_ended(compiler):
    small = Compiler(memory=64 << 20)
    with pytest.raises(CompilerExceeded, match="it takes more than 64 MB of memory"):
        small.ask(*asking(MANY))
    assert kinds(small.ask("cue.evaluate", ONE)) == ["One"]
    small.close()


def test_an_endless_recursion_is_said_or_ended(compiler):
    try:
        answer = compiler.ask(*asking(DEEP), seconds=2)
    except CompilerExceeded:
        return
    assert answer["problems"]


def test_an_answer_that_is_too_long_is_refused(compiler, monkeypatch):
    monkeypatch.setattr(process, "ANSWER_MAX", 1 << 10)
    text = 'x: [for i in [1, 2, 3, 4, 5, 6, 7, 8, 9] {apiVersion: "v1", kind: "K\\(i)", text: "a" * 1000}]\n'
    with pytest.raises(CompilerExceeded, match="it makes more than 0 MB"):
        compiler.ask(*asking(text))


@pytest.mark.parametrize("operation", ["cue.explode", "rego.", ""])
def test_what_it_does_not_know_it_says(compiler, operation):
    with pytest.raises(CompilerError, match=f'no operation "{operation}"'):
        compiler.ask(operation, ONE)


def test_arguments_that_it_does_not_know_are_refused(compiler):
    with pytest.raises(CompilerError, match='arguments: json: unknown field "nodes"'):
        compiler.ask("cue.evaluate", {**ONE, "nodes": 1})


def test_a_process_that_dies_between_requests_is_not_missed(alone):
    compiler, process = alone
    process.kill()
    process.wait()
    assert kinds(compiler.ask("cue.evaluate", ONE)) == ["One"]


@pytest.mark.parametrize(
    ("signal_", "said"),
    [
        (signal.SIGABRT, r"the compiler ended with (2|-6)"),
        (signal.SIGKILL, "it was killed from outside, as for want of memory"),
    ],
)
def test_a_process_that_dies_at_work_fails_its_request_alone(alone, signal_, said):
    compiler, process = alone
    with ThreadPoolExecutor(1) as threads:
        endless = threads.submit(compiler.ask, *asking(ENDLESS))
        process.send_signal(signal_)
        with pytest.raises(CompilerError, match=said):
            endless.result()
    assert kinds(compiler.ask("cue.evaluate", ONE)) == ["One"]


def test_who_ends_waits_for_no_request_and_what_is_asked_later_is_answered(alone):
    compiler, process = alone
    with ThreadPoolExecutor(1) as threads:
        endless = threads.submit(compiler.ask, *asking(ENDLESS))
        while process not in [one._process for one in compiler._busy]:
            pass
        end_evaluations()  # as froyo ends: it is asked by whoever, such as policies, who have one of their own
        with pytest.raises(CompilerError, match="froyo ends"):
            endless.result()
    assert kinds(compiler.ask("cue.evaluate", ONE)) == ["One"]


def test_one_that_is_idle_ends(compiler):
    brief = Compiler(idle=0.0)
    retired = threading.Event()
    was = brief._retire
    brief._retire = lambda process: (was(process), retired.set())
    brief.ask("cue.evaluate", ONE)
    assert retired.wait(10)
    assert processes_of(brief) == []


def test_it_ends_with_whoever_has_started_it(alone):
    _, process = alone
    process.stdin.close()
    assert process.wait(10) == 0


def test_it_has_no_environment_no_directory_and_no_descriptor_of_ours(monkeypatch, request):
    monkeypatch.setenv("FROYO_SECRET", "canary")
    _, process = request.getfixturevalue("alone")
    there = Path("/proc") / str(process.pid)
    status = (there / "status").read_text()
    assert "Seccomp:\t2" in status
    assert "NoNewPrivs:\t1" in status
    if os.geteuid() != 0:
        return  # nobody but root may look any further, not even who has started it
    assert b"canary" not in (there / "environ").read_bytes()
    assert os.readlink(there / "cwd") == "/"
    opened = [os.readlink(one) for one in (there / "fd").iterdir()]
    # What a Go program has for itself are no files: an event queue, and what wakes it.
    assert {one.split(":")[0] for one in opened} <= {"pipe", "/memfd", "anon_inode"}


def test_one_that_is_not_there_is_said_in_one_sentence(tmp_path):
    none = Compiler(tmp_path)
    with pytest.raises(CompilerMissing, match=r"has no compiler of CUE and Rego .*hatch_build\.py compiler$"):
        none.ask("cue.evaluate", ONE)


def test_one_that_cannot_be_run_says_why(tmp_path):
    broken = Compiler(tmp_path)
    broken.binary.write_bytes(b"\x7fELF of another machine")
    broken.binary.chmod(0o755)
    with pytest.raises(CompilerError, match="the compiler cannot be run: Exec format error"):
        broken.ask("cue.evaluate", ONE)


@pytest.mark.parametrize(
    ("does", "said"),
    [
        ("read line; echo '{\"id\": 7}'", "the compiler answered something else"),
        ("echo no >&2; exit 3", "the compiler ended with 3: no"),
        ("exec >&-; exec sleep 60", "the compiler has stopped answering"),
    ],
    ids=["says something else", "ends", "stops"],
)
def test_what_is_not_ours_is_not_waited_for(tmp_path, does, said):
    stranger = Compiler(tmp_path)
    stranger.binary.write_text(f"#!/bin/sh\n{does}\n")
    stranger.binary.chmod(0o755)
    with pytest.raises(CompilerError, match=said):
        stranger.ask("cue.evaluate", ONE, seconds=9)
    stranger.close()
