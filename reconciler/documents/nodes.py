"""A document as a tree that knows where each of its parts stands in the file.

It is made only when something must be explained. Invariant: `plain(node)` of a tree without broken nodes is
what the fast readers return for the same text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from reconciler.errors import Problem

Path = Sequence[str | int]
"""Keys and list indices, from the document's root down."""


@dataclass(slots=True, eq=False)
class Node:
    """One value.

    Attributes:
        index: where in the text it begins.
        value: of a scalar; None for collections.
        fields: of a mapping, by key: where the key stands, and the value.
        items: of a list.
        plain: an unquoted scalar as it is written, else None.
        broken: it has been complained about already: nothing more is to be said about its value.
        weight: how many nodes it stands for once aliases are written out.
        end: of a scalar that holds text: where in the file it ends.
        block: it is a text below a `|` or `>`.
    """

    index: int
    value: Any = None
    fields: dict[str, tuple[int, Node]] | None = None
    items: list[Node] | None = None
    plain: str | None = None
    broken: bool = False
    weight: int = 1
    end: int = 0
    block: bool = False

    def step(self, part: str | int) -> Node | None:
        """The child under a key or list index, if there is one."""
        if self.fields is not None:
            found = self.fields.get(part) if isinstance(part, str) else None
            return found[1] if found else None
        if self.items is not None and isinstance(part, int) and part < len(self.items):
            return self.items[part]
        return None


@dataclass(slots=True)
class DocumentTrees:
    """The documents of a stretch of text: one, as a rule.

    Attributes:
        roots: in order; None for one that is empty or cannot be read.
        problems: everything that is wrong with the text.
        lost: the text, where some of it could not be read at all; else "".
    """

    roots: list[Node | None] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    lost: str = ""


@dataclass(slots=True)
class Located:
    """Where a path leads.

    Attributes:
        key: where its key stands; the same as `node.index` for list items and the root.
        node: the value.
        exact: False when only a part of the path exists, and `node` is where it ended.
    """

    key: int
    node: Node
    exact: bool = True
    broken: bool = field(default=False)


def locate(root: Node, path: Path) -> Located:
    """Follow `path` as far as it goes."""
    here = Located(root.index, root, broken=root.broken)
    for part in path:
        child = here.node.step(part)
        if child is None:
            here.exact = False
            break
        fields = here.node.fields
        key = fields[str(part)][0] if fields is not None else child.index
        here = Located(key, child, broken=here.broken or child.broken)
    return here


def plain(node: Node) -> Any:
    """The value as dictionaries, lists and scalars. What aliases share in the text is shared here, too."""
    memo: dict[int, Any] = {}

    def build(node: Node) -> Any:
        if node.fields is None and node.items is None:
            return node.value
        done = memo.get(id(node))
        if done is None:
            if node.fields is not None:
                done = {key: build(child) for key, (_, child) in node.fields.items()}
            else:
                done = [build(child) for child in node.items or ()]
            memo[id(node)] = done
        return done

    return build(node)
