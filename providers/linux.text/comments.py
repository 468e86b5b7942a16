"""By which signs a file of some kind has comments, told from its name."""

from __future__ import annotations

SIGNS = {
    "// ": "c cc cpp cs go h hpp java js jsonc kt mjs php rs scss swift ts zig",
    "-- ": "ada adb ads elm hs lua sql",
    "; ": "asm clj el ini inf lisp scm zone",
    "% ": "erl hrl sty tex",
    '" ': "vim vimrc",
    "! ": "xdefaults xresources",
    "REM ": "bat cmd",
    "dnl ": "m4 mc",
    "/* */": "css",
    "<!-- -->": "htm html md plist svg xhtml xml",
    "": "json",
}
"""By the signs, what comes behind the last dot of a name, in lower case. All others have `#`."""

BY_EXTENSION = {extension: signs.rstrip() for signs, known in SIGNS.items() for extension in known.split()}


def comment_for(path: str) -> str:
    """What a comment begins with, and behind a blank what ends it, if anything does; "" where there are none.

    Example:
        >>> comment_for("/srv/site/index.html")
        '<!-- -->'
    """
    return BY_EXTENSION.get(path.rpartition("/")[2].rpartition(".")[2].lower(), "#")
