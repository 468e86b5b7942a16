"""A cluster's objects as what a command's knowledge comes from, in the same documents as from a daemon."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from reconciler.app.places import places
from reconciler.cli.asking import Asking
from reconciler.core.visible import one_line
from reconciler.errors import UsageError

if TYPE_CHECKING:
    from reconciler.api.client import Document, Silent
    from reconciler.app.cluster.seeing import Answers
    from reconciler.cli.terminal import Terminal

_LONGEST = 63


class AskingCluster:
    """Asks a cluster's objects, which are read once.

    Args:
        answers: what they say.

    Attributes:
        silent: nobody is: either they were read, or a command has ended.
    """

    silent: Silent | None = None

    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Document:
        """The answer to a question.

        Raises:
            UsageError: it makes no sense, or objects do not say that.
        """
        return self._answers.get(path, query or {})

    def say_if_nobody_looks(self, screen: Terminal) -> None:
        """Whether an operator runs cannot be told from here."""

    def must_be_targets(self, names: Iterable[str]) -> None:
        """See that all of these are targets.

        Raises:
            UsageError: one is not; says which was probably meant.
        """
        from reconciler.api.suggesting import unknown_target

        known = self._answers.targets_known()
        for name in names:
            if name not in known:
                raise UsageError(unknown_target(name, known))

    @property
    def kept_in(self) -> str:
        """Where the answers are from."""
        return self._answers.in_words


def asking(
    state: str | None, *, context: str | None, kubeconfig: str | None, namespace: str | None, everywhere: bool
) -> Asking | AskingCluster:
    """Whoever knows: a cluster where one of its options is given, else the daemon, or the store.

    Raises:
        UsageError: the options do not go together, or the cluster cannot be asked.
    """
    if context is None and kubeconfig is None and namespace is None and not everywhere:
        return Asking.of(state)
    given = next(
        option
        for option, so in (
            ("--context", context is not None),
            ("--kubeconfig", kubeconfig is not None),
            ("--namespace", namespace is not None),
            ("--all-namespaces", everywhere),
        )
        if so
    )
    if state is not None:
        raise UsageError(f"{given} asks a cluster, and --state names a store: leave one of them out")
    if namespace is not None and everywhere:
        raise UsageError("--namespace and --all-namespaces do not go together: leave one of them out")
    if namespace is not None:
        must_be_namespace(namespace)
    from reconciler.app.cluster.seeing import Answers, Which, look

    which = Which(context or "", kubeconfig or "", namespace or "", everywhere)
    return AskingCluster(Answers(asyncio.run(look(which, places(os.environ), os.environ))))


def must_be_namespace(name: str, option: str = "--namespace") -> None:
    """See that something can be the name of a namespace.

    Raises:
        UsageError: it cannot.
    """
    if not name.replace("-", "a").isalnum() or not name.isascii() or len(name) > _LONGEST:
        raise UsageError(f"{option} takes the name of a namespace, not {name!r}")


def say_what_is_left_out(screen: Terminal, document: Document) -> None:
    """Tell a person what the objects of a cluster do not say."""
    for one in () if screen.quiet else document.get("leftOut", ()):
        for line in screen.wrapped(f"left out: {one_line(one)}"):
            screen.note(line)
