"""One document, read field by field: what should be in it where it should be, and what is wrong instead, and where.

For files of a form that is written down in code: a package's manifest, the operator's settings. Every method answers
something of its type whatever it finds, and complains of no value twice, so that one pass finds all problems.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from reconciler.core.suggest import did_you_mean
from reconciler.documents.nodes import Node, Path, locate
from reconciler.documents.reading import read_trees
from reconciler.documents.text import FileText, decode
from reconciler.errors import Problem, why


class Reader:
    """Reads the one document of a file.

    Args:
        file: its path, as messages name it. It is JSON or YAML by its name.
        problems: gets what is wrong.
    """

    def __init__(self, file: str, problems: list[Problem]) -> None:
        self._problems = problems
        self._file = FileText(file, "")

    def document(self, read: Callable[[], bytes]) -> Node | None:
        """The root of the one document, or None.

        Args:
            read: gives the content of the file. Raises OSError.
        """
        try:
            data = read()
        except OSError as error:
            self.problem(None, f"cannot be read: {why(error)}")
            return None
        if not data.strip():
            self.problem(None, "is empty")
            return None
        file = decode(self._file.path, data)
        if isinstance(file, Problem):
            self._problems.append(file)
            return None
        self._file = file
        trees = read_trees(file)
        self._problems += trees.problems
        roots = [root for root in trees.roots if root is not None]
        if not roots and not trees.problems:
            self.problem(None, "is empty")
        for root in roots[1:]:
            self.problem(root, "there is one document in such a file, and this is another", "remove it")
        return roots[0] if roots else None

    def mapping(
        self, node: Node | None, *, required: Sequence[str] = (), optional: Sequence[str] = ()
    ) -> dict[str, Node]:
        """The fields of a mapping that may have these."""
        known = (*required, *optional)
        found: dict[str, Node] = {}
        for name, (key, value) in self._fields(
            node, f"should be a mapping with the fields {', '.join(known)}"
        ).items():
            if name in known:
                found[name] = value
            else:
                hint = did_you_mean(name, known) or f"there is: {', '.join(known)}"
                self._complain(key, f"unknown field {name!r}", hint)
        for name in required:
            if node is not None and node.fields is not None and name not in node.fields:
                self.problem(node, f"the field {name!r} is missing")
        return found

    def entries(self, node: Node | None, meaning: str) -> dict[str, Node]:
        """The values of a mapping by whatever keys it has.

        Args:
            node: the mapping.
            meaning: of keys and values, for who wrote something else.
        """
        return {
            name: value
            for name, (_, value) in self._fields(node, f"should be a mapping of {meaning}").items()
        }

    def _fields(self, node: Node | None, wanted: str) -> dict[str, tuple[int, Node]]:
        if node is None:
            return {}
        if node.fields is None:
            self.problem(node, wanted)
            return {}
        return node.fields

    def items(self, node: Node | None, *, at_least: int = 0) -> list[Node]:
        """The items of a list."""
        if node is None:
            return []
        if node.items is None:
            self.problem(node, "should be a list")
            return []
        if len(node.items) < at_least:
            self.problem(node, "should not be empty")
        return node.items

    def text(self, node: Node | None, form: re.Pattern[str] | None = None, meaning: str = "") -> str:
        """A text, of a certain form."""
        if node is None or node.broken:
            return ""
        # `version: 1.0` is meant as a text, whatever YAML makes of it.
        value = node.value if node.plain is None else node.plain
        if node.value is None or not isinstance(value, str) or not value:
            self.problem(node, "should be a text")
            return ""
        if form is not None and form.fullmatch(value) is None:
            self.problem(node, f"{value!r} is not {meaning}")
            return ""
        return value

    def one_of(self, node: Node | None, choices: Sequence[str], meaning: str) -> str:
        """One of some texts."""
        value = self.text(node)
        if value and value not in choices:
            self.problem(node, f"{value!r} will not do; {meaning} {' or '.join(choices)}")
            return ""
        return value

    def flag(self, node: Node | None) -> bool:
        """True or false; false when absent."""
        if node is None:
            return False
        if not isinstance(node.value, bool):
            self.problem(node, "should be true or false")
            return False
        return node.value

    def number(self, node: Node, lowest: float, highest: float) -> float:
        """A number within bounds."""
        if type(node.value) not in {int, float}:
            self.problem(node, "should be a number")
            return lowest
        if not lowest <= node.value <= highest:
            self.problem(node, f"{node.plain} should be between {lowest} and {highest}")
        return float(node.value)

    def count(self, node: Node) -> int:
        """A whole number above 0."""
        if type(node.value) is not int or node.value < 1:
            self.problem(node, "should be a whole number above 0")
            return 1
        return node.value

    def place(self, node: Node) -> str:
        """Where a value stands: `file:line`."""
        line, _ = self._file.place(node.index)
        return f"{self._file.path}:{line}"

    def problem(
        self, node: Node | None, message: str, hint: str = "", *, path: Path = (), key: bool = False
    ) -> None:
        """Note a problem at a place.

        Args:
            node: where; None for the file as a whole.
            message: what is wrong.
            hint: what to do about it.
            path: keys and indices from there on.
            key: it is about the key at which the path ends.
        """
        if node is None:
            self._problems.append(Problem(self._file.path, 0, 0, message, hint))
            return
        located = locate(node, path)
        if not located.broken:
            self._complain(located.key if key else located.node.index, message, hint)

    def _complain(self, index: int, message: str, hint: str) -> None:
        self._problems.append(self._file.problem(index, message, hint))
