"""What a target was asked and what it answered, so that the next look can be one frame.

A provider's reading is a pure function of the answers that it gets. So a target whose answers are all the same as last
time is as it was last time, and no provider needs to run. Invariant: a recording is only ever compared as a whole; what
it says of a single instance is found by letting the provider read again, from these answers.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from reconciler.model.calls import Call, Reply
from reconciler.plugins.calls import about
from reconciler.targets.frames import canonical
from reconciler.targets.parsing import reply as reply_of


class Recording:
    """The calls that reading a target takes, with the answers that were last seen.

    Answers are kept as canonical text: compact, and ready to be digested.
    """

    def __init__(self) -> None:
        self._answers: dict[str, dict[bytes, bytes]] = {}
        self._by_subject: dict[str, list[tuple[str, bytes]]] = {}
        self._key: str | None = None
        self._batch: list[dict[str, Any]] | None = None
        self._digest: str | None = None

    def __len__(self) -> int:
        return sum(len(answers) for answers in self._answers.values())

    def note(self, calls: Iterable[Call], replies: Iterable[Reply]) -> None:
        """Remember what was answered to each call, over what was remembered before."""
        for call, reply in zip(calls, replies, strict=True):
            answers = self._answers.setdefault(call.name, {})
            args, text = canonical(call.args), canonical(reply.wire())
            if args not in answers:
                self._key = self._batch = None
                self._file(call, args)
            if answers.get(args) != text:
                answers[args] = text
                self._digest = None

    def merge(self, other: Recording) -> None:
        """Take over every answer of `other`."""
        for name, theirs in other._answers.items():
            answers = self._answers.setdefault(name, {})
            for args in [
                one for one in theirs if one not in answers
            ]:  # a difference of sets goes through all of ours
                self._key = self._batch = None
                self._file(Call(name, json.loads(args)), args)
            for args, text in theirs.items():
                if answers.get(args) != text:
                    answers[args] = text
                    self._digest = None

    def _file(self, call: Call, args: bytes) -> None:
        """Make a call findable by what it is about."""
        for subject in about(call):
            self._by_subject.setdefault(str(subject), []).append((call.name, args))

    def answer(self, call: Call) -> Reply | None:
        """What was last answered to `call`, or None if it never was."""
        text = self._answers.get(call.name, {}).get(canonical(call.args))
        return None if text is None else reply_of(json.loads(text))

    def calls_on(self, subject: str) -> list[Call]:
        """The calls that were made about exactly `subject`, such as "path:/etc/motd"."""
        found = self._by_subject.get(subject, ())
        return [Call(name, json.loads(args)) for name, args in found]

    def same_on(self, subject: str, other: Recording) -> bool:
        """Whether there were calls about exactly `subject`, and `other` gave the same answers to all of them."""
        nothing: dict[bytes, bytes] = {}
        calls = self._by_subject.get(subject, ())
        return bool(calls) and all(
            self._answers[name][args] == other._answers.get(name, nothing).get(args) for name, args in calls
        )

    @property
    def key(self) -> str:
        """Names the batch: equal keys, equal calls in equal order."""
        if self._key is None:
            key = hashlib.sha256()
            for name, answers in self._answers.items():
                key.update(b"%s\n%s\n" % (name.encode(), b"\n".join(answers)))
            self._key = key.hexdigest()
        return self._key

    @property
    def digest(self) -> str:
        """Over all answers, as the runner computes it over its `replies`."""
        if self._digest is None:
            groups = b",".join(b"[%s]" % b",".join(answers.values()) for answers in self._answers.values())
            self._digest = "sha256:" + hashlib.sha256(b"[%s]" % groups).hexdigest()
        return self._digest

    def batch(self) -> list[dict[str, Any]]:
        """The calls, grouped by command, as the runner's `observe` takes them. Kept, since every look needs them."""
        if self._batch is None:
            self._batch = [
                {"command": name, "items": json.loads(b"[%s]" % b",".join(answers))}
                for name, answers in self._answers.items()
            ]
        return self._batch

    def replace(self, replies: Iterable[Iterable[Reply]]) -> Recording:
        """The same calls with new answers, as an `observe` that found a change gives them."""
        fresh = Recording()
        fresh._by_subject = self._by_subject
        for (name, answers), group in zip(self._answers.items(), replies, strict=True):
            fresh._answers[name] = {
                args: canonical(reply.wire()) for args, reply in zip(answers, group, strict=True)
            }
        return fresh
