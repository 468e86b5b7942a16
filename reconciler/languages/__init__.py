"""The languages in which manifests are made: each evaluates programs, and says where what they made comes from.

What a program is, what it may ask, and what becomes of what it makes is known to `reconciler.config.programs` and
`reconciler.config.generating`. A language is a room of its own beneath this one, and imports what it needs to evaluate
only when there is something to evaluate. They come in the order in which they stand here: each sees the targets and
values of the files, and of those before it.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from reconciler.languages.cue.language import Cue
from reconciler.languages.starlark import Starlark

if TYPE_CHECKING:
    from reconciler.config.programs import Language

LANGUAGES: tuple[Language, ...] = (Cue(), Starlark())
"""All of them, in the order in which they are evaluated."""


def end_evaluations() -> None:
    """End what is being evaluated in processes of their own: this one is about to end, and would wait for them."""
    supervising = sys.modules.get("reconciler.languages.starlark.supervising")
    if supervising is not None:
        supervising.end_all()
    compiling = sys.modules.get("reconciler.config.compiler.client")
    if compiling is not None:
        compiling.stop_all()
