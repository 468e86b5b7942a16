"""What a package may ask of a target: what its manifest asks for, as far as the operator grants it.

Invariants: a call passes only if something asked for *and* something granted covers it, each as a whole; a
grant that is not there is no grant; paths are compared as they are written, and only normal ones pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from reconciler.plugins.calls import CALLS, Call, Phase, refused_in
from reconciler.plugins.globs import argv_matches, check_argv, is_normal, path_matcher


@dataclass(frozen=True, slots=True)
class Capability:
    """One call that a package may make.

    Attributes:
        call: its name.
        paths: patterns of the paths that it may concern.
        argv: patterns of the command lines that it may run.
    """

    call: str
    paths: tuple[str, ...] = ()
    argv: tuple[tuple[str, ...], ...] = ()

    @classmethod
    def parse(cls, value: object) -> Capability:
        """A capability as manifests and settings write it.

        Args:
            value: `{"call": name, "paths": [pattern, …], "argv": [[pattern, …], …]}`.

        Raises:
            ValueError: it is none; says why.
        """
        if not isinstance(value, Mapping) or not isinstance(value.get("call"), str):
            raise ValueError(  # noqa: TRY004 - it is about the text that a person wrote
                "a capability is a mapping with a `call`, such as {call: file.stat, paths: [/etc/**]}"
            )
        rule = CALLS.get(value["call"])
        if rule is None:
            raise ValueError(f"there is no call {value['call']!r}; there are: {', '.join(CALLS)}")
        unknown = sorted(set(value) - {"call", "paths", "argv"})
        if unknown:
            raise ValueError(f"unknown field {unknown[0]!r}; a capability has call, paths and argv")
        paths = _texts(value.get("paths", ()), "paths")
        argv = value.get("argv", ())
        if not isinstance(argv, Sequence) or isinstance(argv, str):
            raise ValueError("argv is a list of command lines, each a list of patterns")  # noqa: TRY004
        commands = tuple(_texts(command, "argv") for command in argv)
        if paths and not rule.path:
            raise ValueError(f"{value['call']} has no path that `paths` could be about")
        if commands and not rule.command:
            raise ValueError(f"{value['call']} runs no command that `argv` could be about")
        for pattern in paths:
            path_matcher(pattern)
        for command in commands:
            check_argv(command)
        return cls(value["call"], paths, commands)


def _texts(value: object, field_name: str) -> tuple[str, ...]:
    if (
        not isinstance(value, Sequence)
        or isinstance(value, str)
        or not all(isinstance(one, str) for one in value)
    ):
        raise ValueError(f"{field_name} is a list of texts")
    return tuple(value)


@dataclass(frozen=True, slots=True)
class Grants:
    """What the operator grants.

    Attributes:
        packages: by package name. A package that is not there is granted nothing.
    """

    packages: Mapping[str, tuple[Capability, ...]] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def parse(cls, value: Mapping[str, Iterable[Any]]) -> Grants:
        """Grants as settings write them: by package, a list of capabilities.

        Raises:
            ValueError: names the package and says what is wrong.
        """
        packages: dict[str, tuple[Capability, ...]] = {}
        for name, capabilities in value.items():
            try:
                packages[name] = tuple(Capability.parse(one) for one in capabilities)
            except (TypeError, ValueError) as error:
                raise ValueError(f"grants for {name}: {error}") from error
        return cls(packages)

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
        name, args = call["call"], call["args"]
        reason = refused_in(self._phase, name)
        if reason:
            return reason
        rule = CALLS[name]
        paths: list[str] = []
        if rule.path:
            path, backup = args.get("path"), args.get("backup")
            if not is_normal(path):
                return f"its path {path!r} is not an absolute one without empty, `.` and `..` names"
            paths.append(path)
            if backup:
                if not isinstance(backup, str) or "/" in backup or "\0" in backup:
                    return f"its backup {backup!r} is not a suffix"
                paths.append(path + backup)
            if rule.link:
                paths.append(_led_to(path, args.get(rule.link)))
        command: tuple[str, ...] | None = None
        if rule.command and (args.get(rule.command) is not None or name == "exec"):
            try:
                command = _texts(args.get(rule.command), rule.command)
            except ValueError as error:
                return str(error)
        for verb, capabilities in (("ask", self._asked), ("grant", self._granted)):
            covered = any(_covers(one, paths, command) for one in capabilities.get(name, ()))
            if not covered:
                of_what = f" with {' '.join(command)!r}" if command else (f" of {paths[-1]}" if paths else "")
                who = "its manifest does not ask for" if verb == "ask" else "the operator does not grant"
                return f"{who} {name}{of_what}"
        return ""


def _led_to(path: str, to: object) -> str:
    """Where a link leads. The target follows what root has put there, so whoever can make a link can work behind it.

    With `..` that depends on what else is a link on the way; then it may be anywhere, which is the root.
    """
    if not isinstance(to, str):
        return "/"
    led = to if to.startswith("/") else path.rpartition("/")[0] + "/" + to
    return led if is_normal(led) else "/"


def _by_call(capabilities: Iterable[Capability]) -> dict[str, list[Capability]]:
    sorted_out: dict[str, list[Capability]] = {}
    for capability in capabilities:
        sorted_out.setdefault(capability.call, []).append(capability)
    return sorted_out


def _covers(capability: Capability, paths: list[str], command: tuple[str, ...] | None) -> bool:
    matchers = [path_matcher(pattern) for pattern in capability.paths]
    return all(any(matches(path) for matches in matchers) for path in paths) and (
        command is None or any(argv_matches(pattern, command) for pattern in capability.argv)
    )
