"""Why the compiler has no answer. What is wrong with the files of a request is none of these, but part of an answer."""

from __future__ import annotations

from reconciler.errors import FroyoError


class CompilerError(FroyoError):
    """A request was not answered. Nothing of it is left behind, and the next one begins anew."""


class CompilerMissing(CompilerError):
    """This froyo was built without a compiler for this machine."""


class CompilerExceeded(CompilerError):
    """A request took more memory, time, depth or room than it may."""
