"""Values that are made of other values: a Vars may hold expressions, which read what else its targets have.

Invariants: a value is made once a target, after all that it reads, and none is made of itself; and all of them together
do not grow without end, though each may be twice the one before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from reconciler.config.cel_loops import ENTRY
from reconciler.config.explain import shown
from reconciler.config.expressions import put_in
from reconciler.config.faults import Faults
from reconciler.config.secret_reading import SecretReading, Unread
from reconciler.config.secret_values import CHANGED, HINT
from reconciler.config.weights import weight

if TYPE_CHECKING:
    from reconciler.config.complaints import Complaints
    from reconciler.config.declared import Variables
    from reconciler.config.expressions import Leaf
    from reconciler.config.target_values import TargetValues
    from reconciler.model.names import TargetName


MAX_MADE = 16 * 1024 * 1024
"""Characters of all values of a target that are made of others."""
MAX_STEPS = 100
"""How many values may be made one of the other."""


class Composing:
    """Makes the values of targets.

    Args:
        complaints: told of what cannot be made.
        secrets: read for the values that are or have one.
    """

    def __init__(self, complaints: Complaints, secrets: SecretReading) -> None:
        self.secrets = secrets
        self._complaints = complaints
        self._faults: dict[int, Faults] = {}

    def compose(self, target: TargetName, values: TargetValues, given: Mapping[str, Variables]) -> None:
        """Make those values of a target that are made of others. What cannot be made is left out.

        Args:
            target: its name.
            values: all of its values; those that are to be made as they are written.
            given: by each of them, what gives it.
        """
        _Making(self, target, values, given).all()

    def tell(self) -> None:
        """Complain of all that could not be made."""
        for faults in self._faults.values():
            faults.tell(0)
            self._complaints.values_lost |= faults.wrong

    def faults_of(self, one: Variables) -> Faults:
        """What is wrong with the values of a Vars."""
        return self._faults.setdefault(id(one), Faults(one, self._complaints))


class _Making:
    def __init__(
        self, composing: Composing, target: TargetName, values: TargetValues, given: Mapping[str, Variables]
    ) -> None:
        self._composing = composing
        self._target = target
        self._given = given
        self._left = {
            name: [leaf for leaf in one.leaves if leaf.path[2] == name] for name, one in given.items()
        }
        self._written = {name: values.vars[name] for name in given}
        self._values = values
        self._under_way: list[str] = []
        self._unmade: set[str] = set()
        self._room = MAX_MADE
        for name in given:
            del values.vars[name]

    def all(self) -> None:
        for name in self._given:
            self._make(name)

    def _make(self, name: str) -> None:
        """Make a value, after those that it reads; not if one of those could not be made, which was said of that."""
        leaves = self._left.pop(name, None)
        if leaves is None:
            return
        faults = self._composing.faults_of(self._given[name])
        self._under_way.append(name)
        for leaf in leaves:
            for index, expression in enumerate(leaf.expressions):
                for other in (path[1] for path in expression.reads if path[0] == "vars" and len(path) > 1):
                    if other in self._under_way:
                        faults.begin(self._target, self._values)
                        again = " → ".join(f"vars.{one}" for one in (*self._under_way, other))
                        faults.add(leaf, index, f"{shown(leaf.path)} is made of itself: {again}", "")
                        self._unmade.add(name)
                    elif len(self._under_way) > MAX_STEPS:
                        faults.begin(self._target, self._values)
                        faults.add(
                            leaf,
                            index,
                            f"{shown(leaf.path)} is made of others by more than {MAX_STEPS} steps",
                            "",
                        )
                        self._unmade.add(name)
                    else:
                        self._make(other)
                    if other in self._unmade:
                        self._unmade.add(name)
        self._under_way.pop()
        if name in self._unmade:
            return
        self._put_together(name, leaves, faults)

    def _put_together(self, name: str, leaves: Sequence[Leaf], faults: Faults) -> None:
        """Make a value of those that it reads, all of which have been made."""
        faults.begin(self._target, self._values)
        read = {
            path[1] for leaf in leaves for one in leaf.expressions for path in one.reads if path[0] == "vars"
        }
        context = self._values.own_context(read)
        made = [(leaf.path[2:], leaf.value(context, partial(faults.expression, leaf))) for leaf in leaves]
        for leaf, (_, value) in zip(leaves, made, strict=True):
            if not faults.here and self._values.changes_secret(leaf, value):
                faults.add(leaf, 0, f"{shown(leaf.path)}: {CHANGED}", HINT)
        if faults.here:
            self._unmade.add(name)
            return
        self._room -= weight([one for _, one in made], self._room, entry=ENTRY)
        if self._room < 0:
            faults.add(
                leaves[0],
                0,
                f"with {shown(leaves[0].path)} the values that are made of others would have more than {MAX_MADE:,}"
                " characters",
                "",
            )
            self._room = 0
            self._unmade.add(name)
            return
        whole: Any = {name: self._written[name]}
        value, one = put_in(whole, made)[name], self._given[name]
        if name in one.secret:
            try:
                value = self._composing.secrets.marked(one, ("spec", "values", name), value)
            except Unread:
                self._unmade.add(name)
                return
        self._values.vars[name] = value
