"""What is the same on several targets is shown once: a fleet is read like one machine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def grouped(found: Iterable[tuple[str, Sequence[str]]]) -> list[tuple[tuple[str, ...], list[str]]]:
    """Blocks of lines, each with its target, as the lines that some targets have in common.

    Example:
        >>> grouped([("a", ["x"]), ("a", ["y"]), ("b", ["x"])])
        [(('a', 'b'), ['x']), (('a',), ['y'])]
    """
    blocks: dict[tuple[str, ...], list[str]] = {}
    for target, block in found:
        blocks.setdefault(tuple(block), []).append(target)
    groups: dict[tuple[str, ...], list[str]] = {}
    for block, targets in blocks.items():
        groups.setdefault(tuple(targets), []).extend(block)
    return list(groups.items())
