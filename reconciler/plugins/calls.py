"""The words between a provider and a target: phases, and which call may be made when."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, TypeAlias

from reconciler.model.calls import Call, Reply
from reconciler.model.subjects import PATH, TCP, URL, Subject, is_normal

Perform: TypeAlias = Callable[[list[Call]], Awaitable[list[Reply]]]
"""Makes calls on a target, all of them in one round trip if it can; one reply each, in order."""


class Phase(StrEnum):
    """What a provider is asked to do."""

    INIT = "init"
    READ = "read"
    PLAN = "plan"
    APPLY = "apply"
    DESTROY = "destroy"


_MEANT = {
    PATH: "an absolute one without empty, `.` and `..` names",
    URL: "one in its normal form, such as http://example.com/ or https://example.com:8443/health",
    TCP: "a host and a port, such as db.example.com:5432",
}


@dataclass(frozen=True, slots=True)
class Names:
    """An argument of a call that names a subject.

    Attributes:
        argument: the argument.
        scheme: of the subject.
        suffix: the argument with what is put behind that name for one more subject; or "".
        link: the argument that says where what is made there leads, which is one more; or "".
    """

    argument: str
    scheme: str = PATH
    suffix: str = ""
    link: str = ""

    def all_of(self, args: Mapping[str, Any]) -> list[Subject]:
        """Every subject that the call concerns by this argument.

        Raises:
            ValueError: it names none, or not in the one spelling; says why.
        """
        name = args.get(self.argument)
        if not is_normal(name, self.scheme):
            raise ValueError(f"its {self.argument} {name!r} is not {_MEANT.get(self.scheme, 'a name')}")
        found = [Subject(self.scheme, name)]
        if self.suffix and (suffix := args.get(self.suffix)):
            if not isinstance(suffix, str) or "/" in suffix or "\0" in suffix:
                raise ValueError(f"its {self.suffix} {suffix!r} is not a suffix")
            found.append(Subject(self.scheme, name + suffix))
        if self.link:
            found.append(Subject(self.scheme, _led_to(name, args.get(self.link))))
        return found


def _led_to(path: str, to: object) -> str:
    """Where a link leads. The target follows what root has put there, so whoever can make a link can work behind it.

    With `..` that depends on what else is a link on the way; then it may be anywhere, which is the root.
    """
    if not isinstance(to, str):
        return "/"
    led = to if to.startswith("/") else path.rpartition("/")[0] + "/" + to
    return led if is_normal(led) else "/"


@dataclass(frozen=True, slots=True)
class CallRule:
    """What is known of a call; whoever has to know which subjects a call is about asks here.

    Attributes:
        reading: whether it leaves the target as it is.
        names: the arguments that name subjects, which a capability has to cover.
        command: the argument that holds a command line, which a capability has to cover; or "".
        runs: whether there always is a command line.
        lasting: whether with an `id` it goes on without a session, and its result is kept under that until it is
            forgotten.
        explicit: whether nobody is granted it but by the operator, not even a built-in package.
        controller: whether the controller makes it by itself, and no runner knows it: docs/spec/controller-calls.md.
    """

    reading: bool
    names: tuple[Names, ...] = ()
    command: str = ""
    runs: bool = False
    explicit: bool = False
    lasting: bool = False
    controller: bool = False


_PATH = Names("path")
_SYSCTL = Names("name", "sysctl")
_USER = Names("user", "user")
_GROUP = Names("group", "group")
_URL = (Names("url", scheme=URL),)
_TCP = (Names("address", scheme=TCP),)
_UNIT = Names("unit", scheme="unit")

CALLS: Mapping[str, CallRule] = MappingProxyType(
    {
        "file.stat": CallRule(reading=True, names=(Names("path", suffix="backup"),), command="validate"),
        "dir.list": CallRule(reading=True, names=(_PATH,)),
        "facts": CallRule(reading=True),
        "pkg.query": CallRule(reading=True, names=(Names("name", scheme="package"),)),
        "pkg.list": CallRule(reading=True),
        "pkg.changed": CallRule(reading=True, names=(_PATH,)),
        "pkg.simulate": CallRule(reading=True),
        "pkg.manager": CallRule(reading=True),
        "file.write": CallRule(reading=False, names=(Names("path", suffix="backup"),), command="validate"),
        "file.remove": CallRule(reading=False, names=(_PATH,)),
        "dir.ensure": CallRule(reading=False, names=(_PATH,)),
        "dir.remove": CallRule(reading=False, names=(_PATH,)),
        "link.ensure": CallRule(reading=False, names=(Names("path", link="to"),)),
        "text.look": CallRule(reading=True, names=(_PATH,), command="validate"),
        "text.edit": CallRule(reading=False, names=(_PATH,), command="validate"),
        "archive.look": CallRule(reading=True, names=(_PATH,)),
        "archive.unpack": CallRule(reading=False, names=(_PATH,)),
        "archive.fetch": CallRule(reading=False, names=_URL),
        "archive.take": CallRule(reading=False, names=(_PATH,)),
        "user.stat": CallRule(reading=True, names=(_USER,)),
        "user.ensure": CallRule(reading=False, names=(_USER,)),
        "user.remove": CallRule(reading=False, names=(_USER,)),
        "key.stat": CallRule(reading=True, names=(_USER,)),
        "key.list": CallRule(reading=True, names=(_USER,)),
        "key.ensure": CallRule(reading=False, names=(_USER,)),
        "sysctl.stat": CallRule(reading=True, names=(_SYSCTL,)),
        "sysctl.set": CallRule(reading=False, names=(_SYSCTL,)),
        "group.stat": CallRule(reading=True, names=(_GROUP,)),
        "group.ensure": CallRule(reading=False, names=(_GROUP,)),
        "group.remove": CallRule(reading=False, names=(_GROUP,)),
        "boot.stat": CallRule(reading=True),
        "boot.again": CallRule(reading=False),
        "unit.query": CallRule(reading=True, names=(_UNIT,)),
        "unit.list": CallRule(reading=True),
        "unit.calendar": CallRule(reading=True),
        "unit.control": CallRule(reading=False, names=(_UNIT,), lasting=True),
        "exec": CallRule(reading=False, command="argv", runs=True),
        "exec.run": CallRule(reading=False, command="argv", runs=True, lasting=True),
        "exec.look": CallRule(reading=True, command="argv"),
        "exec.check": CallRule(reading=True, command="argv", runs=True),
        "exec.check.unconfined": CallRule(reading=True, command="argv", runs=True, explicit=True),
        "http.get": CallRule(reading=True, names=_URL, controller=True),
        "http.get.forwarded": CallRule(reading=True, names=_URL, controller=True),
        "tcp.connect": CallRule(reading=True, names=_TCP, controller=True),
        "tcp.connect.forwarded": CallRule(reading=True, names=_TCP, controller=True),
    }
)
"""Every call that a provider can make.

What reads, of a target, is what the runner can do again by itself, in its `observe`: else a look at a target would
never be one frame. So the runner's `file.read`, whose content comes in pieces, is not among them; `file.stat` gives
short contents.
"""


def about(call: Call) -> list[Subject]:
    """The subjects that the arguments of a call name; none for one such as `facts`, which is about the whole target."""
    return [Subject(names.scheme, str(call.args.get(names.argument))) for names in CALLS[call.name].names]


def refused_in(phase: Phase, call: str) -> str:
    """Why this phase does not allow the call, or ""."""
    rule = CALLS.get(call)
    if rule is None:
        return "there is no such call"
    if phase in {Phase.INIT, Phase.PLAN}:
        return f"nothing can be asked of the target in {phase}"
    if phase is Phase.READ and not rule.reading:
        return "it changes the target, and in read a provider may only look"
    return ""
