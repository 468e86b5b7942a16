"""Plans, as people read them: what would be changed, field by field, why, and how much of it there is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.cli.here import from_here
from reconciler.cli.phrases import DRIFT, advised, count, nothing_to_do, without_name
from reconciler.cli.show.fleets import grouped
from reconciler.cli.show.rendered import rendered_lines
from reconciler.cli.terminal import Terminal
from reconciler.core.reasons import HELD
from reconciler.core.spoken import field, value
from reconciler.core.visible import one_line
from reconciler.model.conditions import Reason

Document = dict[str, Any]

REFRESH = "»"
"""Of what is done once because something else has changed."""
_SIGNS = {
    "create": ("good", "+"),
    "update": ("warn", "~"),
    "delete": ("bad", "-"),
    "refresh": ("warn", REFRESH),
}
_DRIFT = ("warn", DRIFT)
_FAILS = ("bad", "✘")


@dataclass(frozen=True, slots=True)
class Totals:
    """How much there is of what.

    Attributes:
        create: instances that would be created.
        update: instances that would be changed.
        delete: things that would be removed.
        held: instances that differ and would be left alone.
        same: instances that are as declared.
        errors: what could not be planned.
        targets: how many targets were looked at.
        fails: instances that differ, and of which it is known that putting them right would fail.
        purged: entries of directories that would be removed because nothing declares them.
        refresh: instances that would be refreshed, because something else changes.
        denied: of those that are held, the ones that policies forbid.
    """

    create: int
    update: int
    delete: int
    held: int
    same: int
    errors: int
    targets: int
    fails: int = 0
    purged: int = 0
    refresh: int = 0
    denied: int = 0

    @classmethod
    def of(cls, plans: Sequence[Document]) -> Totals:
        """The totals of some plans."""
        found = {"create": 0, "update": 0, "delete": 0, "refresh": 0, "held": 0, "fails": 0, "none": 0}
        denied = 0
        for plan in plans:
            for unit in plan["units"]:
                denied += unit.get("held") == Reason.POLICY_DENIED
                found["held" if unit.get("held") else "fails" if unit.get("fails") else unit["action"]] += 1
        errors = sum(len(plan["errors"]) for plan in plans)
        return cls(
            found["create"],
            found["update"],
            found["delete"],
            found["held"],
            found["none"],
            errors,
            len(plans),
            found["fails"],
            sum(map(_purged, (unit for plan in plans for unit in plan["units"] if _done(unit)))),
            found["refresh"],
            denied,
        )

    @property
    def changes(self) -> int:
        """How many instances an apply would change."""
        return self.create + self.update + self.delete + self.refresh

    def summary(self) -> str:
        """All of it in one line."""
        if not self.changes and not self.errors and not self.held and not self.fails:
            return nothing_to_do(self.same, self.targets)
        parts = [f"{self.create:,} to create", f"{self.update:,} to change", f"{self.delete:,} to remove"]
        if self.purged:
            parts[1] += f" (removing {self.purged:,} {'entry' if self.purged == 1 else 'entries'})"
        if self.refresh:
            parts.append(f"{self.refresh:,} to refresh")
        if self.held:
            denied = f" ({self.denied:,} denied by policy)" if self.denied else ""
            parts.append(f"{self.held:,} held{denied}")
        parts.append(f"{self.same:,} in sync")
        if self.fails:
            parts.append(f"{self.fails:,} would fail")
        if self.errors:
            parts.append(f"{self.errors:,} could not be planned")
        return f"Plan: {', '.join(parts)}, on {count(self.targets, 'target')}"


def _done(unit: Document) -> bool:
    """Whether an apply would do it."""
    return not unit.get("held") and not unit.get("fails")


def _purged(unit: Document) -> int:
    """How many entries of a directory a change removes, as far as they are named."""
    named = (
        diff for diff in unit["diffs"] if diff["field"].startswith("entries[") and not diff.get("ignored")
    )
    return sum(1 for diff in named if diff["field"].endswith("]") and diff["after"] is None)


def plan_lines(screen: Terminal, plans: Sequence[Document], *, summary: bool = False) -> list[str]:
    """Everything that would be changed, with what is held and what failed.

    What is the same on several targets is shown once, below all their names: a fleet is reviewed like one machine.

    Args:
        screen: what it is printed to.
        plans: a document for each target.
        summary: a line each, without what differs; what would fail says why all the same.
    """
    lines: list[str] = []
    for targets, block in grouped(_blocks(screen, plans, summary=summary)):
        lines += [screen.paint("bold", screen.fit(", ".join(targets))), *block, ""]
    return lines


def _blocks(
    screen: Terminal, plans: Sequence[Document], *, summary: bool
) -> Iterator[tuple[str, Sequence[str]]]:
    """The lines of each change and each failure, with its target."""
    shown = [
        [unit for unit in plan["units"] if unit["action"] != "none" or unit.get("remark") or screen.verbose]
        for plan in plans
    ]
    width = min(56, max((len(_name(unit)) for units in shown for unit in units), default=0))
    for plan, units in zip(plans, shown, strict=True):
        for unit in units:
            yield plan["target"], _unit(screen, unit, width, summary=summary)
        for what, error in plan["errors"].items():
            name, why = _within(what, plan["target"]), without_name(plan["target"], error)
            place = _place(screen, plan["declaredAt"].get(what, ""))
            yield (
                plan["target"],
                [f"  {screen.paint(*_FAILS)} {name + ': ' if name else ''}{one_line(why)}{place}"],
            )


def _within(address: str, target: str) -> str:
    return "" if address == target else one_line(address.removeprefix(f"{target}/"))


def _unit(screen: Terminal, unit: Document, width: int, *, summary: bool) -> list[str]:
    held, fails = unit.get("held"), unit.get("fails")
    remarkable = unit["action"] == "none" and unit.get("remark")
    style, sign = ("note", "!") if held or remarkable else _FAILS if fails else _sign(unit)
    cause = "in sync" if unit["action"] == "none" else unit["cause"]
    place = _place(screen, unit.get("declaredAt", ""))
    lines = [f"  {screen.paint(style, sign)} {_name(unit):<{width}}   {screen.paint('note', cause)}{place}"]
    if fails and not held:
        lines.append(f"      {screen.paint('bad', f'would fail: {one_line(fails)}')}")
    if summary:
        return lines
    if held:
        lines.append(f"      {screen.paint('note', held_line(unit))}")
    if unit.get("remark"):
        lines.append(f"      {screen.paint('note', one_line(unit['remark']))}")
    lines += diff_lines(screen, unit["diffs"], indent="      ")
    if screen.verbose:
        lines += rendered_lines(screen, unit.get("rendered", ()), indent="      ")
    return lines


def _place(screen: Terminal, declared_at: str) -> str:
    """Where something is declared, as the end of its line; "" where that is not known."""
    return f"   {screen.paint('dim', one_line(from_here(declared_at)))}" if declared_at else ""


def _name(unit: Document) -> str:
    return named(unit["address"].partition("/")[2], unit)


def _sign(unit: Document) -> tuple[str, str]:
    """The colour and the sign of a change. Drift has one of its own: nobody declared it."""
    if unit["action"] == "update" and unit["cause"] == "drift":
        return _DRIFT
    return _SIGNS.get(unit["action"], ("dim", " "))


def named(name: str, view: Document) -> str:
    """A resource by its name, and by what it is about on the target, such as its path."""
    subject = spoken(view)
    return one_line(f"{name}  {subject}" if subject else name)


def spoken(view: Document) -> str:
    """What a resource is about, as people say it: a path is known by its slash."""
    subject: str = view.get("subject", "")
    return subject.removeprefix("path:")


def held_line(unit: Document) -> str:
    """Why an instance that differs is left alone."""
    why = unit.get("heldBecause") or HELD.get(unit["held"], unit["held"])
    return f"held: {one_line(advised({**unit, 'message': why}))}"


def diff_lines(screen: Terminal, diffs: Iterable[Document], *, indent: str) -> list[str]:
    """Field diffs, aligned, each followed by the unified diff of its contents where there is one."""
    diffs = list(diffs)
    width = min(24, max((len(one_line(field(diff["field"]))) for diff in diffs), default=0))
    lines = []
    for diff in diffs:
        before, after = diff["before"], diff["after"]
        change = screen.fit(value(after), len(indent) + width + 2)
        if before is not None and after is not None:
            change = f"{screen.fit(value(before), 40)} → {change}"
        elif after is None:
            change = f"{screen.fit(value(before), 40)} → absent"
        elif diff["field"].startswith("entries[") and diff["field"].endswith("]"):
            change = f"absent → {change}"  # its name alone does not say what becomes of it
        if diff.get("sensitive"):
            change = "differs, and is sensitive: not shown"
        ignored = screen.paint("dim", " (ignored)") if diff.get("ignored") else ""
        lines.append(f"{indent}{one_line(field(diff['field'])):<{width}}  {change}{ignored}")
        lines += [f"{indent}  {_painted(screen, line)}" for line in diff.get("unified", "").splitlines()]
    return lines


def _painted(screen: Terminal, line: str) -> str:
    """A line of a unified diff, in its colour. What is in it was made safe where the diff was made."""
    style = {"+": "good", "-": "bad", "@": "note"}.get(line[:1], "")
    return screen.paint(style, line) if style else line
