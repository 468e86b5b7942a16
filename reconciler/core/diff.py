"""What differs between two bodies, for a person: a unified diff, bounded in size and effort.

Invariants: equal things give no diff, different things always give one; a text diff that was not cut short
leads from the one text to the other; no control character of a body reaches a terminal. A diff of texts
that have nearly nothing in common, or very many lines, is not minimal: it is one block. This module must
not know which fields are secret: what it is given is shown.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from reconciler.core.visible import visible

CONTEXT = 3
MAX_BYTES = 104_448
MAX_LINES = 1_000

_MAX_PAIRS = 20_000
_MAX_AREA = 4_000_000
_NO_NEWLINE = "\\ No newline at end of file"

Opcode = tuple[bool, int, int, int, int]
"""Whether equal, and the ranges of lines before and after."""


@dataclass(frozen=True, slots=True)
class Body:
    """One side of a diff.

    Attributes:
        digest: of the content.
        size: bytes.
        text: the content, where it is text and at hand.
        binary: whether it is known not to be text.
    """

    digest: str
    size: int
    text: str | None = None
    binary: bool = False

    def __str__(self) -> str:
        return f"{self.digest} ({self.size} bytes)"


def body(content: bytes, digest: str) -> Body:
    """`content` as a side of a diff: text is what is UTF-8 and has no NUL in it."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        text = None
    if text is None or "\0" in text:
        return Body(digest, len(content), binary=True)
    return Body(digest, len(content), text)


def unified(
    before: Body | None, after: Body | None, *, max_bytes: int = MAX_BYTES, max_lines: int = MAX_LINES
) -> str:
    r"""A unified diff without file names; one line about digests and sizes where there is no text to show.

    Args:
        before: as observed; None when there is nothing.
        after: as declared; None when there is to be nothing.
        max_bytes: what is longer is cut, and says so.
        max_lines: the same, in lines.

    Example:
        >>> print(unified(body(b"a\nb\n", "sha256:1"), body(b"a\nc\n", "sha256:2")))
        @@ -1,2 +1,2 @@
         a
        -b
        +c
    """
    old = "" if before is None else before.text
    new = "" if after is None else after.text
    if old is None or new is None:
        binary = any(side is not None and side.binary for side in (before, after))
        if before is not None and after is not None and before.digest == after.digest:
            return ""
        return f"{_sides(before, after)}{', binary' if binary else ', not shown'}"
    lines = list(_hunks(_split(old), _split(new)))
    if not lines and (before is None) is not (after is None):
        return _sides(before, after)  # an empty body comes or goes
    shown, size = 0, 0
    for line in lines[:max_lines]:
        size += len(line.encode(errors="surrogatepass")) + 1
        if size > max_bytes:
            break
        shown += 1
    if shown < len(lines):
        rest = len(lines) - shown
        lines[shown:] = [f"… {rest} more {'line' if rest == 1 else 'lines'}: {_sides(before, after)}"]
    return "\n".join(lines)


def _sides(before: Body | None, after: Body | None) -> str:
    return f"{before or 'nothing'} → {after or 'nothing'}"


def _split(text: str) -> list[str]:
    r"""Lines with their newlines. Only "\\n" ends one: a form feed or a line separator is content."""
    lines = text.split("\n")
    last = lines.pop()
    return [f"{line}\n" for line in lines] + ([last] if last else [])


def _hunks(old: Sequence[str], new: Sequence[str]) -> Iterator[str]:
    for hunk in _grouped(_opcodes(old, new)):
        first, last = hunk[0], hunk[-1]
        yield f"@@ -{_range(first[1], last[2])} +{_range(first[3], last[4])} @@"
        for equal, old_start, old_end, new_start, new_end in hunk:
            if equal:
                yield from _lines(" ", old[old_start:old_end])
            else:
                yield from _lines("-", old[old_start:old_end])
                yield from _lines("+", new[new_start:new_end])


def _lines(mark: str, lines: Sequence[str]) -> Iterator[str]:
    for line in lines:
        yield mark + visible(line.removesuffix("\n"))
        if not line.endswith("\n"):
            yield _NO_NEWLINE


def _range(start: int, end: int) -> str:
    """As diff(1) writes it: from 1, but from 0 when it is empty; a length of 1 is left out."""
    length = end - start
    if length == 1:
        return str(start + 1)
    return f"{start + 1 if length else start},{length}"


def _opcodes(old: Sequence[str], new: Sequence[str]) -> list[Opcode]:
    """How to get from `old` to `new`; what they have in common at both ends costs no effort."""
    shorter = min(len(old), len(new))
    head = next((index for index in range(shorter) if old[index] != new[index]), shorter)
    left = shorter - head
    tail = next((index for index in range(left) if old[-1 - index] != new[-1 - index]), left)
    middle = _middle(old[head : len(old) - tail], new[head : len(new) - tail])
    codes = [(True, 0, head, 0, head)] if head else []
    codes += [(equal, head + a, head + b, head + c, head + d) for equal, a, b, c, d in middle]
    if tail:
        codes.append((True, len(old) - tail, len(old), len(new) - tail, len(new)))
    return codes


def _middle(old: Sequence[str], new: Sequence[str]) -> list[Opcode]:
    if not old and not new:
        return []
    counts = Counter(new)
    pairs = sum(counts[line] for line in old)
    if not pairs or pairs > _MAX_PAIRS or len(old) * len(new) > _MAX_AREA:
        return [(False, 0, len(old), 0, len(new))]
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    return [(tag == "equal", a, b, c, d) for tag, a, b, c, d in matcher.get_opcodes()]


def _grouped(codes: Sequence[Opcode]) -> Iterator[list[Opcode]]:
    """Hunks: changes with CONTEXT lines around them, joined where their contexts meet."""
    hunk: list[Opcode] = []
    for index, (equal, a, b, c, d) in enumerate(codes):
        if not equal:
            hunk.append((equal, a, b, c, d))
            continue
        last = index == len(codes) - 1
        if hunk and not last and b - a <= 2 * CONTEXT:
            hunk.append((equal, a, b, c, d))
            continue
        if hunk:
            shown = min(CONTEXT, b - a)
            yield [*hunk, (True, a, a + shown, c, c + shown)]
        shown = min(CONTEXT, b - a)
        hunk = [] if last else [(True, b - shown, b, d - shown, d)]
    if hunk:
        yield hunk
