"""What a package may ask of a target: what its manifest asks for, as far as the operator grants it.

Invariants: a call passes only if something asked for *and* something granted covers it, each as a whole; a
grant that is not there is no grant; subjects are compared as they are written, and only normal ones pass.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from reconciler.model.calls import Call
from reconciler.model.subjects import Subject
from reconciler.plugins.calls import CALLS, CallRule, Phase, refused_in
from reconciler.plugins.globs import argv_matches, check_argv, scheme_of, subject_matcher

FIELDS = ("call", "subjects", "argv")
"""What a capability says."""


class CapabilityError(ValueError):
    """What was written is no capability.

    Args:
        message: why not.
        path: where in it, by keys and indices.
        key: it is about the key at which the path ends.
    """

    def __init__(self, message: str, *path: str | int, key: bool = False) -> None:
        super().__init__(message)
        self.path = path
        self.key = key


@dataclass(frozen=True, slots=True)
class Capability:
    """One call that a package may make.

    Attributes:
        call: its name.
        subjects: patterns of the subjects that it may concern, such as `path:/etc/**`.
        argv: patterns of the command lines that it may run.
    """

    call: str
    subjects: tuple[str, ...] = ()
    argv: tuple[tuple[str, ...], ...] = ()

    @classmethod
    def parse(cls, value: object) -> Capability:
        """A capability as manifests and settings write it.

        Args:
            value: `{"call": name, "subjects": [pattern, …], "argv": [[pattern, …], …]}`.

        Raises:
            CapabilityError: it is none.
        """
        if not isinstance(value, Mapping) or not isinstance(value.get("call"), str):
            raise CapabilityError(
                "a capability is a mapping with a `call`, such as {call: file.stat, subjects: [path:/etc/**]}"
            )
        rule = CALLS.get(value["call"])
        if rule is None:
            raise CapabilityError(
                f"there is no call {value['call']!r}; there are: {', '.join(CALLS)}", "call"
            )
        if unknown := sorted(set(value) - {*FIELDS}):
            hint = '; write subjects: ["path:/etc/**"] for paths: ["/etc/**"]' if "paths" in unknown else ""
            raise CapabilityError(
                f"unknown field {unknown[0]!r}; a capability has {', '.join(FIELDS)}{hint}",
                unknown[0],
                key=True,
            )
        subjects = _texts(value.get("subjects", ()), "subjects")
        argv = value.get("argv", ())
        if not isinstance(argv, Sequence) or isinstance(argv, str):
            raise CapabilityError("argv is a list of command lines, each a list of patterns", "argv")
        commands = tuple(_texts(command, "argv", position) for position, command in enumerate(argv))
        if commands and not rule.command:
            raise CapabilityError(f"{value['call']} runs no command that `argv` could be about", "argv")
        for position, pattern in enumerate(subjects):
            with _at("subjects", position):
                _check_pattern(value["call"], rule, pattern)
        for position, command in enumerate(commands):
            with _at("argv", position):
                check_argv(command)
        return cls(value["call"], subjects, commands)


@contextlib.contextmanager
def _at(*path: str | int) -> Iterator[None]:
    """Says where a pattern stands that is none."""
    try:
        yield
    except ValueError as error:
        raise CapabilityError(str(error), *path) from error


def _check_pattern(call: str, rule: CallRule, pattern: str) -> None:
    scheme, schemes = scheme_of(pattern), {names.scheme: None for names in rule.names}
    if not schemes:
        raise ValueError(f"{call} has no argument that `subjects` could be about")
    if scheme not in schemes:
        raise ValueError(f"{pattern}: {call} is about subjects of {' and '.join(schemes)}")
    subject_matcher(pattern)


def _texts(value: object, *path: str | int) -> tuple[str, ...]:
    if (
        not isinstance(value, Sequence)
        or isinstance(value, str)
        or not all(isinstance(one, str) for one in value)
    ):
        raise CapabilityError(f"{path[0]} is a list of texts", *path)
    return tuple(value)


@dataclass(frozen=True, slots=True)
class Grants:
    """What the operator grants.

    Attributes:
        packages: by package name. A package that is not there is granted nothing.
    """

    packages: Mapping[str, tuple[Capability, ...]] = field(default_factory=lambda: MappingProxyType({}))

    def extended(self, other: Grants) -> Grants:
        """These, and for the packages that `other` names, the other's instead."""
        return Grants({**self.packages, **other.packages})


class Gate:
    """Decides about the calls of one package in one phase.

    Args:
        asked: by the package's manifest.
        granted: by the operator.
        phase: what it is doing.
    """

    def __init__(self, asked: Iterable[Capability], granted: Iterable[Capability], phase: Phase) -> None:
        self._phase = phase
        self._asked = _by_call(asked)
        self._granted = _by_call(granted)

    def refusal(self, call: Call) -> str:
        """Why a call must not be made, or "" when it may."""
        name, args = call.name, call.args
        reason = refused_in(self._phase, name)
        if reason:
            return reason
        rule = CALLS[name]
        command: tuple[str, ...] | None = None
        try:
            subjects = [subject for names in rule.names for subject in names.all_of(args)]
            if rule.command and (rule.runs or args.get(rule.command) is not None):
                command = _texts(args.get(rule.command), rule.command)
        except ValueError as error:
            return str(error)
        for verb, capabilities in (("ask", self._asked), ("grant", self._granted)):
            covered = any(_covers(one, subjects, command) for one in capabilities.get(name, ()))
            if not covered:
                of_what = (
                    f" with {' '.join(command)!r}" if command else (f" of {subjects[-1]}" if subjects else "")
                )
                who = "its manifest does not ask for" if verb == "ask" else "the operator does not grant"
                return f"{who} {name}{of_what}"
        return ""


def _by_call(capabilities: Iterable[Capability]) -> dict[str, list[Capability]]:
    sorted_out: dict[str, list[Capability]] = {}
    for capability in capabilities:
        sorted_out.setdefault(capability.call, []).append(capability)
    return sorted_out


def _covers(capability: Capability, subjects: list[Subject], command: tuple[str, ...] | None) -> bool:
    matchers = [subject_matcher(pattern) for pattern in capability.subjects]
    return all(any(matches(subject) for matches in matchers) for subject in subjects) and (
        command is None or any(argv_matches(pattern, command) for pattern in capability.argv)
    )
