"""Which revision a person means: by the whole of what it is called, or by a beginning that no other one has.

Of one that is called after a commit, `main@sha1:…`, the digits of that are enough, or their beginning.

Invariant: what may mean two things means neither, and what is not kept is never guessed at: the answer says which
there are. This module must not know where revisions are kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from reconciler.model.source import Revision


SHORTEST = 4
"""Characters that a beginning has at least: one that is shorter is soon that of another one, too."""

NAMED = 8
"""Revisions that an answer names at most."""


class NoSuchRevision(UsageError):
    """No revision of that name is kept; it may be one that never was in force."""


def chosen(
    written: str, kept: Sequence[Revision], *, source: str = "", former: Collection[str] = ()
) -> Revision:
    """The kept revision that a person means, the newest of those that are the same.

    Args:
        written: by the person.
        kept: all that there are, the oldest first.
        source: whose it is; "" where any source will do.
        former: revisions that were in force and may not be kept any more.

    Raises:
        NoSuchRevision: there is none, or it is too short to tell.
        UsageError: it may be one of several.
    """
    mine = [one for one in kept if source in ("", one.source)]
    if not mine:
        sources = _listed(dict.fromkeys(one.source for one in kept))
        whose = f"of a source {source}" if source else "of any source"
        raise NoSuchRevision(f"no revision is kept {whose}; there is: {sources or 'nothing yet'}")
    found = [one for one in mine if written in _names(one.revision)]
    if not found and len(written) < SHORTEST:
        raise NoSuchRevision(
            f"{written!r} is too short for the beginning of a revision: {SHORTEST} characters; {_there_is(mine)}"
        )
    found = found or [one for one in mine if _begins(one.revision, written)]
    if not found:
        if was := next((one for one in former if _begins(one, written)), None):
            raise NoSuchRevision(
                f"revision {was} was in force and is not kept any more; `snapshots` in retention.json says how many"
                f" are; {_there_is(mine)}"
            )
        raise NoSuchRevision(f"there is no revision {written}; {_there_is(mine)}")
    if len(sources_of := dict.fromkeys(one.source for one in found)) > 1:
        raise UsageError(f"{written} is a revision of {_listed(sources_of)}; name one of them with --source")
    if len({one.digest for one in found}) > 1:
        several = _listed(dict.fromkeys(one.revision for one in reversed(found)))
        raise UsageError(f"{written} may be any of {several}; write more of it")
    return found[-1]


def _names(revision: str) -> tuple[str, str]:
    """What a revision goes by."""
    return revision, revision.rpartition(":")[2]


def _begins(revision: str, written: str) -> bool:
    return any(name.startswith(written) for name in _names(revision))


def _there_is(kept: Sequence[Revision]) -> str:
    """What a person may choose from, the newest first."""
    every = list(dict.fromkeys(one.revision for one in reversed(kept)))
    more = " and more" if len(every) > NAMED else ""
    return f"there is: {_listed(every[:NAMED])}{more}; see: froyo get revisions"


def _listed(words: Iterable[str]) -> str:
    return ", ".join(words)
