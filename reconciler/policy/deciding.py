"""One decision: the policies of one place are asked one thing.

Invariant: nothing is raised. Whatever goes wrong is a decision that denies, and says why.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from reconciler.errors import in_words
from reconciler.model.decisions import PolicyDecision, PolicyFinding
from reconciler.model.policy import PolicyFiles
from reconciler.policy.answers import findings
from reconciler.policy.failing import PolicyFailure
from reconciler.policy.program import PolicyProgram
from reconciler.policy.questions import AT_WORK, moment
from reconciler.policy.rego import RULES
from reconciler.policy.shelf import PolicyShelf
from reconciler.telemetry.log import get_logger

log = get_logger("froyo")

_ID_DIGITS = 22
_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


_NOT_KNOWN = (
    "and where several controllers share the targets out none knows at which the others are at work: "
    "hold targets apart with a Lock instead"
)


def decide(
    shelf: PolicyShelf,
    files: PolicyFiles,
    stage: str,
    question: Mapping[str, Any],
    *,
    about: str,
    decisive: tuple[str, ...],
    now: float,
) -> PolicyDecision:
    """Ask the policies of a place.

    Args:
        shelf: has them ready.
        files: which.
        stage: `admission` or `plan`.
        question: what is asked, without the time.
        about: the target or the source that it is about.
        decisive: the parts of the question that make it the same one, whatever else is so by then.
        now: what time it is, in seconds since the epoch.
    """
    said: dict[str, tuple[PolicyFinding, ...]] = {}
    failed = ""
    key = ""
    try:
        parts = {name: _encode(value) for name, value in question.items()}
        key = "\n".join(parts[name] for name in decisive)
        parts["time"] = _encode(moment(now))
        asked = ("{" + ",".join(f"{_encode(name)}:{text}" for name, text in parts.items()) + "}").encode()
        ready = shelf.ready(files)
        failed = ready.trouble
        for name, program in () if failed else ready.programs:
            if stage == "plan" and AT_WORK not in question and program.asks_at_work:
                failed = f"{name} ask for `{AT_WORK}`, {_NOT_KNOWN}"
                break
            try:
                _merge(said, _answer(program, stage, asked, now))
            except PolicyFailure as failure:
                failed = failed or f"{name} could not decide: {failure.why}"
                if failure.exceeded:
                    shelf.exceeded(files, failed)
    except Exception as error:
        log.exception("a decision could not be made; this is a defect", policies=files.place, about=about)
        failed = f"a defect of froyo: {in_words(error)}"
    decision = PolicyDecision(
        id="",
        place=files.place,
        about=about,
        deny=said.get("deny", ()),
        ask=said.get("require_approval", ()),
        warn=said.get("warn", ()),
        failed=failed,
        changes=len(question.get("changes", question.get("objects", ()))),
        asked={**question, "time": moment(now)},
    )
    return _named(decision, files, stage, key)


def _answer(
    program: PolicyProgram, stage: str, asked: bytes, now: float
) -> Mapping[str, tuple[PolicyFinding, ...]]:
    """What one program says of a stage; nothing where it says nothing about it."""
    for entrypoint in (f"froyo/asked/{stage}", f"froyo/{stage}"):
        if entrypoint in program.entrypoints:
            return findings(program.evaluate(entrypoint, asked, now=now))
    answer = {}
    for rule in RULES:
        if f"froyo/{stage}/{rule}" in program.entrypoints:
            value = program.evaluate(f"froyo/{stage}/{rule}", asked, now=now)
            if value is None:
                raise PolicyFailure(f"`{rule}` is undefined")
            answer[rule] = value
    return findings(answer)


def _merge(said: dict[str, tuple[PolicyFinding, ...]], more: Mapping[str, tuple[PolicyFinding, ...]]) -> None:
    for rule, found in more.items():
        said[rule] = (*said.get(rule, ()), *found)


def _named(decision: PolicyDecision, files: PolicyFiles, stage: str, key: str) -> PolicyDecision:
    """The decision with an id that is the same for the same."""
    said = _encode([files.digest, stage, decision.about, key, decision.document()])
    return replace(decision, id=hashlib.sha256(said.encode()).hexdigest()[:_ID_DIGITS])
