"""The one tree of errors. Its classes mean something to the scheduler; everything else is a defect of ours.

    FroyoError
    ├── ConfigError           what the user wrote is wrong; carries every Problem, each with file:line:column
    ├── UsageError            what the user typed is wrong, or asks for something that does not exist
    ├── ProviderError         a provider said no, or misbehaved; its ErrorClass decides what happens next
    ├── RunnerError           a target's runner said no; its ErrorClass decides what happens next
    ├── TransportError        a target cannot be reached or the session to it was lost; always transient
    ├── ProtocolError         the frame protocol was broken
    │   ├── LocalProtocolError    by us: a defect, but for one:
    │   │   └── FrameTooLarge         it has to be said in parts
    │   └── RemoteProtocolError   by the peer: the session is ended, and opened anew
    └── StoreError            the store cannot be read or written
        ├── LeaseHeld             another controller holds the store; this one cannot begin
        └── LeaseLost             another controller has taken the store over; this one must stop writing

`ErrorClass` decides the requeue: transient → backoff; throttled → the time that it names; conflict → read again
now; permanent → Stalled: what could not be applied is not tried again until what is declared or observed changes, or a
person asks; what could not be read or planned, until the next rescan. Messages name what, where, why and what to do
next, and never carry a secret's value.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum


class ErrorClass(StrEnum):
    """What the scheduler does about a failure."""

    TRANSIENT = "transient"
    THROTTLED = "throttled"
    CONFLICT = "conflict"
    PERMANENT = "permanent"


def located(root: str, file: str) -> str:
    """A file of a source as it is opened from anywhere; what is in no source has such a path already."""
    return f"{root.rstrip('/')}/{file}" if root and file and not file.startswith("/") else file


class FroyoError(Exception):
    """The base of all errors that a user may see. Never raised itself."""

    error_class: ErrorClass = ErrorClass.PERMANENT


BEFORE = 40
"""How many characters of an excerpt come before the column in a line that was cut there."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing wrong in what the user wrote.

    Attributes:
        file: path as the user knows it, relative to the source's root.
        line: 1-based; 0 when the problem concerns the file as a whole.
        column: 1-based; 0 when unknown.
        message: what is wrong and why.
        hint: what to do about it ("did you mean 'owner'?"), or "".
        excerpt: the offending line as it stands in the file, without its newline, or ""; of a very long one a part,
            in which BEFORE characters come before the column where it was cut there.
        others: the other places that have a part in it, such as the other side of a conflict; each without a message.
        passing: what is another one in the hint each time that the same is said, such as the id of a decision, or "".
    """

    file: str
    line: int
    column: int
    message: str
    hint: str = ""
    excerpt: str = ""
    others: tuple[Problem, ...] = ()
    passing: str = ""

    @property
    def caret(self) -> int:
        """How many characters of the excerpt come before the column."""
        before = self.column - 1
        return before if before <= len(self.excerpt) else BEFORE

    @property
    def location(self) -> str:
        """`file:line:column`, as far as it is known."""
        if not self.line:
            return self.file
        return f"{self.file}:{self.line}:{self.column}" if self.column else f"{self.file}:{self.line}"

    def within(self, root: str) -> Problem:
        """The same with a path that can be opened from anywhere."""
        others = tuple(one.within(root) for one in self.others)
        return replace(self, file=located(root, self.file), others=others)

    def __str__(self) -> str:
        sides = f"see also {', '.join(one.location for one in self.others)}" if self.others else ""
        more = "; ".join(filter(None, (self.hint, sides)))
        return f"{self.location}: {self.message}" + (f" ({more})" if more else "")


class ConfigError(FroyoError):
    """A source does not evaluate. Carries all of its problems, sorted by place.

    Args:
        problems: one or more.
    """

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = sorted(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))

    def within(self, root: str) -> ConfigError:
        """The same with paths that can be opened from anywhere."""
        return ConfigError([problem.within(root) for problem in self.problems])


class UsageError(FroyoError):
    """The user asked for something that does not exist or does not go together."""


class ProviderError(FroyoError):
    """A provider's fault, as it declared it, or as the host found it misbehaving.

    Args:
        message: names the package, the step and the reason.
        error_class: decides the requeue.
        retry_after: seconds, for THROTTLED.
        call: the call that failed, such as `file.write`, where it was one.
        code: the runner's word for why, such as `enoent`, or the host's `refused`.
        partial: whether calls before that one have changed something.
    """

    def __init__(
        self,
        message: str,
        *,
        error_class: ErrorClass = ErrorClass.PERMANENT,
        retry_after: float | None = None,
        call: str = "",
        code: str = "",
        partial: bool = False,
    ) -> None:
        super().__init__(message)
        self.error_class = error_class
        self.retry_after = retry_after
        self.call = call
        self.code = code
        self.partial = partial


class TransportError(FroyoError):
    """A target cannot be reached, or the session to it was lost."""

    error_class = ErrorClass.TRANSIENT


class ProtocolError(FroyoError):
    """The frame protocol was broken. Never raised itself; see the two below."""

    error_class = ErrorClass.TRANSIENT


class LocalProtocolError(ProtocolError):
    """This side tried to do what the protocol forbids."""


class FrameTooLarge(LocalProtocolError):
    """What was to be said does not fit into a frame. Nothing of it has been."""


class RemoteProtocolError(ProtocolError):
    """The peer did what the protocol forbids. The session is of no use any more.

    Args:
        message: what it did, without repeating any of its data.
        kind: which rule it broke, as `micro_runner/protocol.md` names them.
    """

    def __init__(self, message: str, *, kind: str = "") -> None:
        super().__init__(message)
        self.kind = kind


class RunnerError(FroyoError):
    """A target said no to a command as a whole, or to something that was asked of it alone.

    Args:
        message: names the target, the command and the reason.
        error_class: decides the requeue.
        code: the runner's word for it, such as `enoent`.
        retry_after: seconds, for THROTTLED.
    """

    def __init__(
        self, message: str, *, error_class: ErrorClass, code: str, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.error_class = error_class
        self.code = code
        self.retry_after = retry_after


class StoreError(FroyoError):
    """The store cannot be opened, read or written."""

    error_class = ErrorClass.TRANSIENT


class LeaseHeld(StoreError):
    """Another controller holds the store; it has to end before this one can begin."""


class LeaseLost(StoreError):
    """Another controller has taken the store over; this one must stop writing at once."""

    error_class = ErrorClass.PERMANENT


def why(error: OSError) -> str:
    """What the system says, as it goes on in a sentence: `permission denied`."""
    said = error.strerror or str(error)
    return said[:1].lower() + said[1:] if said[1:2].islower() else said  # `SSL` is an abbreviation


def in_words(error: BaseException) -> str:
    """An error that is none of ours as a person reads it: `/etc/motd: permission denied`, `KeyError: 'mode'`."""
    if isinstance(error, OSError) and error.strerror:
        name = error.filename
        if isinstance(name, bytes):
            name = name.decode(errors="surrogateescape")
        return f"{name}: {why(error)}" if isinstance(name, str) else why(error)
    text = str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
