"""YAML with places: reads what a manifest should have where it should be, and notes what is wrong instead.

Every method answers something of its type whatever it finds, so that one pass finds all problems.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Sequence
from typing import Any, TypeAlias

from reconciler.errors import Problem

Node: TypeAlias = Any
"""A node of PyYAML's, whose types say less than they have."""

_TEXT_TAG = "tag:yaml.org,2002:str"


class Reader:
    """Reads one document.

    Args:
        file: as messages name it.
        problems: gets what is wrong.
    """

    def __init__(self, file: str, problems: list[Problem]) -> None:
        self._file = file
        self._problems = problems
        self._lines: list[str] = []

    def document(self, read: Callable[[], bytes]) -> Node | None:
        """The root of the one document, or None."""
        import yaml

        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        try:
            text = read().decode()
            self._lines = text.splitlines()
            if "&" in text and any(
                isinstance(one, yaml.AliasEvent) for one in yaml.parse(text, Loader=loader)
            ):
                self.problem(None, "has aliases (*name), which have no use here; write it out")
                return None
            root: Node | None = yaml.compose(text, Loader=loader)
        except OSError as error:
            self.problem(None, f"cannot be read: {error.strerror}")
            return None
        except UnicodeDecodeError:
            self.problem(None, "is not UTF-8")
            return None
        except yaml.MarkedYAMLError as error:
            self._at(error.problem_mark, f"is not YAML: {error.problem or error}")
            return None
        except yaml.YAMLError as error:
            self.problem(None, f"is not YAML: {error}")
            return None
        if root is None:
            self.problem(None, "is empty")
        return root

    def mapping(
        self, node: Node | None, *, required: Sequence[str] = (), optional: Sequence[str] = ()
    ) -> dict[str, Node]:
        """The fields of a mapping."""
        if node is None:
            return {}
        if node.id != "mapping":
            self.problem(node, f"should be a mapping with the fields {', '.join((*required, *optional))}")
            return {}
        known = (*required, *optional)
        found: dict[str, Node] = {}
        for key, value in node.value:
            name = str(key.value)
            if name in found:
                self.problem(key, f"{name!r} is there twice")
            elif name not in known:
                self.problem(key, f"unknown field {name!r}", self.suggestion(name, known))
            else:
                found[name] = value
        for name in required:
            if name not in found:
                self.problem(node, f"the field {name!r} is missing")
        return found

    def items(self, node: Node | None, *, at_least: int = 0) -> list[Node]:
        """The items of a list."""
        if node is None:
            return []
        if node.id != "sequence":
            self.problem(node, "should be a list")
            return []
        items: list[Node] = node.value
        if len(items) < at_least:
            self.problem(node, "should not be empty")
        return items

    def text(self, node: Node | None, form: re.Pattern[str] | None = None, meaning: str = "") -> str:
        """A text, of a certain form."""
        if node is None:
            return ""
        # `version: 1.0` is meant as a text, whatever YAML makes of it.
        if node.id != "scalar" or not node.value:
            self.problem(node, "should be a text")
            return ""
        value = str(node.value)
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
        if node.id != "scalar" or node.value not in {"true", "false"}:
            self.problem(node, "should be true or false")
            return False
        return str(node.value) == "true"

    def number(self, node: Node, lowest: float, highest: float) -> float:
        """A number within bounds."""
        try:
            value = float(node.value)
        except (TypeError, ValueError):
            self.problem(node, "should be a number")
            return lowest
        if not lowest <= value <= highest:
            self.problem(node, f"{node.value} should be between {lowest} and {highest}")
        return value

    def plain(self, node: Node) -> Any:
        """What it says, without places: texts, lists and mappings."""
        if node.id == "mapping":
            return {str(key.value): self.plain(value) for key, value in node.value}
        if node.id == "sequence":
            return [self.plain(item) for item in node.value]
        return node.value if node.tag == _TEXT_TAG else _NotText(node.value)

    @staticmethod
    def suggestion(name: str, known: Collection[str]) -> str:
        """A hint for a misspelt name."""
        close = difflib.get_close_matches(name, known, 1)
        return f"did you mean {close[0]!r}?" if close else ""

    def problem(self, node: Node | None, message: str, hint: str = "") -> None:
        """Note a problem at a place."""
        self._at(None if node is None else node.start_mark, message, hint)

    def _at(self, mark: Any, message: str, hint: str = "") -> None:
        if mark is None:
            self._problems.append(Problem(self._file, 0, 0, message, hint))
            return
        excerpt = self._lines[mark.line] if mark.line < len(self._lines) else ""
        self._problems.append(Problem(self._file, mark.line + 1, mark.column + 1, message, hint, excerpt))


class _NotText:
    """A scalar that YAML does not take for a text, such as 5 or null."""

    def __init__(self, value: str) -> None:
        self.value = value

    def __repr__(self) -> str:
        return self.value
