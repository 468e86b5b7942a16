"""Characters that nobody sees: what is copied from a web page or a word processor along with the rest.

They are named as what they are, since a message that repeats them shows nothing. Knows nothing of YAML, JSON or
manifests.
"""

from __future__ import annotations

import re
import unicodedata

INVISIBLE = re.compile(
    "[\u00a0\u00ad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f\u2000-\u200f\u2028-\u202f\u205f-\u206f"
    "\u2800\u3000\u3164\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff]"
)
"""Spaces that are no ordinary space, characters without any width, and what turns the direction of a text."""


def name_of(character: str) -> str:
    """What an invisible character is called: `a no-break space (U+00A0)`."""
    known = "byte order mark" if character == "\ufeff" else unicodedata.name(character, "")
    name = known.lower() or "character that nobody sees"
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name} (U+{ord(character):04X})"


def escaped(character: str) -> str:
    r"""A character as YAML and JSON take it in double quotes: `\u00a0`."""
    code = ord(character)
    return f"\\U{code:08x}" if code > 0xFFFF else f"\\u{code:04x}"


def is_space(character: str) -> bool:
    """Whether it looks like a space, and does not look like nothing."""
    return unicodedata.category(character) in {"Zs", "Zl", "Zp"} or character == "\u2800"


def instead(character: str) -> str:
    """What a person should do about it."""
    return "put an ordinary space in its place" if is_space(character) else "delete it"


def visible(text: str) -> str:
    """A text in which each has a picture."""
    return (
        text
        if text.isascii()
        else INVISIBLE.sub(lambda found: "␣" if is_space(found.group()) else "\ufffd", text)
    )


def without(text: str) -> str:
    """A text as it looks."""
    return INVISIBLE.sub(lambda found: " " if is_space(found.group()) else "", text)
