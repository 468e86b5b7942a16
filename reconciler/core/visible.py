"""Text from elsewhere, made safe to show in a terminal.

What a terminal would obey (escape sequences, carriage returns) and what turns text round or hides it
(bidirectional overrides, line separators) is shown instead. Where a value stands in a line of ours, newlines and tabs
go too (`one_line`): else it could make up further lines that look like ours.
"""

from __future__ import annotations

# Control pictures for C0 and DEL; escapes for what has no picture.
_PICTURES = {code: 0x2400 + code for code in range(0x20) if chr(code) not in "\t\n"} | {0x7F: 0x2421}
# C1, marks of direction, line separators, what has no width, tags. Joiners stay: some languages and pictures need them.
_HIDDEN = (
    *(*range(0x80, 0xA0), 0xAD, 0x061C, 0x200B, 0x200E, 0x200F),
    *(*range(0x2028, 0x202F), *range(0x2060, 0x206A), 0xFEFF),
    *range(0xE0000, 0xE0080),
)
_TABLE: dict[int, int | str] = {
    **_PICTURES,
    **{code: f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}" for code in _HIDDEN},
}


def visible(text: str) -> str:
    r"""`text` without anything that a terminal would obey.

    Example:
        >>> visible("done\r\x1b[2J")
        'done␍␛[2J'
    """
    return text if text.isascii() and text.isprintable() else text.translate(_TABLE)


def one_line(text: str) -> str:
    r"""`text` as `visible` has it, and as a part of one line.

    Example:
        >>> one_line("why not\nReady       True")
        'why not Ready       True'
    """
    return visible(text).replace("\n", " ").replace("\t", " ")
