"""What is wrong with a manifest on some targets, as its expressions come out there: each said once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from reconciler.config.declared import Manifest, Varying
from reconciler.config.explain import shown
from reconciler.config.expressions import dotted
from reconciler.core.fact_hints import fact_hint
from reconciler.core.spoken import some
from reconciler.core.spoken import value as spoken
from reconciler.core.suggest import did_you_mean
from reconciler.model.sensitive import is_sensitive

if TYPE_CHECKING:
    from reconciler.config.cel import ExpressionError
    from reconciler.config.complaints import Complaints
    from reconciler.config.declared import Variables
    from reconciler.config.expressions import Leaf
    from reconciler.config.rendering import TemplateBody
    from reconciler.config.target_values import TargetValues
    from reconciler.config.template_trees import TemplateError
    from reconciler.errors import Problem
    from reconciler.model.names import TargetName


_LISTED = 20
_REFUSED = "this is refused with the secrets that it holds"
_HIDDEN = "it has no value; why is not told, since this is sensitive"


@dataclass(slots=True)
class _Fault:
    problem: Problem
    facts: bool
    targets: list[TargetName] = field(default_factory=list)


class Faults:
    """Those of one manifest.

    Attributes:
        here: whether something was wrong on the target that is looked at.
    """

    def __init__(self, manifest: Manifest | Variables, complaints: Complaints) -> None:
        self.here = False
        self._manifest = manifest
        content = manifest.content if isinstance(manifest, Manifest) else None
        self._hide = isinstance(content, Varying) and is_sensitive(content.document["spec"])
        self._complaints = complaints
        self._found: dict[tuple[object, ...], _Fault] = {}
        self._target: tuple[TargetName, TargetValues] | None = None

    @property
    def wrong(self) -> bool:
        """Whether anything was."""
        return bool(self._found)

    def begin(self, target: TargetName, values: TargetValues) -> None:
        """Another target is looked at."""
        self._target = target, values
        self.here = False

    def add(self, leaf: Leaf, count: int, message: str, hint: str, *, facts: bool = False) -> None:
        """Something is wrong with an expression of a string; `facts` says whether it has read any."""
        key = (leaf.path, count, message, hint)
        if key not in self._found:
            problem = self._complaints.at_expression(self._manifest, leaf, count, message, hint)
            self._found[key] = _Fault(problem, facts)
        self._note(key)

    def expression(self, leaf: Leaf, count: int, error: ExpressionError) -> None:
        """An expression has no value."""
        expression = list(leaf.expressions)[count]
        missing, hint = self._missing(expression.reads, error.key)
        if missing.startswith("vars.") and self._complaints.values_lost:
            self.here = True
            return
        why = _HIDDEN if self._hide else error.message
        message = f"{missing} is not defined" if missing else f"${{{expression.source}}}: {why}"
        facts = bool(expression.sections)
        self.add(leaf, count, f"{shown(leaf.path)}: {message}", hint if missing else error.hint, facts=facts)

    def template(self, body: TemplateBody, error: TemplateError, *, hide: bool = True) -> None:
        """A template gives nothing; `hide` says whether why may be a matter of its values."""
        missing, hint = self._missing(error.paths, error.name)
        if missing.startswith("vars.") and self._complaints.values_lost:
            self.here = True
            return
        key = (error.file, error.line, error.column, missing or error.message)
        if key not in self._found:
            message = (
                f"{missing} is not defined" if missing else _HIDDEN if hide and self._hide else error.message
            )
            problem = body.problem(error, message, hint or error.hint)
            self._found[key] = _Fault(problem, any(path[0] == "facts" for path in error.paths))
        self._note(key)

    def schema(self, value: Any, leaves: Sequence[Leaf], *, secret: bool = False) -> None:
        """With these values, some of which may be secrets themselves, the kind's schema refuses it."""
        assert isinstance(self._manifest, Manifest)  # noqa: S101 - a Vars has been held to its schema already
        hide = secret or is_sensitive(value.get("spec", {}))
        for problem, leaf in self._complaints.rendered(self._manifest, value, leaves):
            said = replace(problem, message=_REFUSED, hint="") if secret else problem
            if leaf is not None:
                message = f"{shown(leaf.path)} is refused with what it comes to" if hide else problem.message
                said = replace(problem, message=message, hint=self._made_of(leaf, hide=hide))
            key = (said, leaf.path if leaf else ())
            if key not in self._found:
                facts = leaf is not None and any(one.sections for one in leaf.expressions)
                self._found[key] = _Fault(said, facts)
            self._note(key)

    def tell(self, good: int) -> set[TargetName]:
        """Complain of all of it.

        Args:
            good: on how many targets nothing is wrong. If it is on any, then what facts have made of it is nobody's
                mistake: a machine is not as the others are.

        Returns:
            The targets that are held for that reason.
        """
        held: set[TargetName] = set()
        for fault in self._found.values():
            message = f"{fault.problem.message}, on {some(fault.targets)}"
            if good and fault.facts:
                held.update(fault.targets)
                message += ": nothing is touched or removed there until that is otherwise"
                self._complaints.warnings.append(replace(fault.problem, message=message))
            else:
                self._complaints.problems.append(replace(fault.problem, message=message))
        return held

    def _note(self, key: tuple[object, ...]) -> None:
        assert self._target is not None  # noqa: S101 - a target is looked at
        self.here = True
        self._found[key].targets.append(self._target[0])

    def _missing(self, paths: Sequence[tuple[str, ...]], key: str) -> tuple[str, str]:
        """What is read that is not there, and what to do about it; "" if that is not known."""
        assert self._target is not None  # noqa: S101 - a target is looked at
        values = self._target[1]
        for path in paths if key else ():
            there, depth = values.look(path)
            if depth < len(path) and path[depth] == key:
                missing = dotted(path[: depth + 1])
                names = [str(name) for name in there] if isinstance(there, dict) else []
                return missing, did_you_mean(key, names) or self._instead(path[:depth], key, names)
        return "", ""

    def _instead(self, above: tuple[str, ...], key: str, names: Sequence[str]) -> str:
        """What to do about something that is missing, and looks like nothing that there is."""
        assert self._target is not None  # noqa: S101 - a target is looked at
        if above == ("target", "labels"):
            return f"give it the label {key}"
        if above[0] == "facts":
            return fact_hint((*above[1:], key)) or "it is not there on every machine: ask first whether it is"
        if above == ("vars",) and (given := self._target[1].given_by(key)):
            return f"{given}, for other targets: a Vars for this one has to give it, too"
        there = f": there {'is' if len(names) == 1 else 'are'} {some(names, _LISTED)}" if names else ""
        return (
            f"a Vars for this target has to give it{there}"
            if above[0] == "vars"
            else there.removeprefix(": ")
        )

    def _made_of(self, leaf: Leaf, *, hide: bool) -> str:
        """Where the values of a string were given, and what they are unless that is nobody's business."""
        assert self._target is not None  # noqa: S101 - a target is looked at
        values = self._target[1]
        paths = dict.fromkeys(path for one in leaf.expressions for path in one.reads)
        reads = [read for path in paths if (read := values.read(path)) is not None]
        said = [
            read.name
            + ("" if hide else f" is {spoken(read.value)}")
            + (f", given at {read.origin}" if read.origin.file else "")
            for read in reads
        ]
        return "; ".join(said)
