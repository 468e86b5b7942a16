"""Text from elsewhere, made safe to show in a terminal.

What a terminal would obey (escape sequences, carriage returns) and what turns text round or hides it
(bidirectional overrides, line separators) is shown instead. Newlines and tabs stay: whoever wants one line
says so itself.
"""

from __future__ import annotations

# Control pictures for C0 and DEL; escapes for what has no picture: C1, marks of direction, line separators.
_PICTURES = {code: 0x2400 + code for code in range(0x20) if chr(code) not in "\t\n"} | {0x7F: 0x2421}
_HIDDEN = (*range(0x80, 0xA0), 0x061C, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A))
_TABLE: dict[int, int | str] = {**_PICTURES, **{code: f"\\u{code:04x}" for code in _HIDDEN}}


def visible(text: str) -> str:
    r"""`text` without anything that a terminal would obey.

    Example:
        >>> visible("done\r\x1b[2J")
        'done␍␛[2J'
    """
    return text if text.isascii() and text.isprintable() else text.translate(_TABLE)
