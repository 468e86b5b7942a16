"""Modules of a source, evaluated in this process, for what a program says."""

from collections.abc import Mapping
from typing import Any

from reconciler.config.schemas import Kinds
from reconciler.languages.starlark.helpers import helpers
from reconciler.languages.starlark.worker.functions import struct
from reconciler.languages.starlark.worker.session import Outcome, StarlarkSession
from tests.unit.config.world import CATALOG

HELPERS = helpers(Kinds(CATALOG))
TARGETS = [
    struct(name=name, namespace="default", labels={"role": "web"}, facts=None, vars={"port": 80})
    for name in ("a", "b")
]


def ran(files: str | Mapping[str, str], program: str = "main.star", **context: Any) -> Outcome:
    """What comes of a program; of one module, where the text of that is given."""
    modules = {"main.star": files} if isinstance(files, str) else files
    session = StarlarkSession(modules, HELPERS, {"os", "network"})
    session.asks(program)
    session.write([program])
    given = {"targets": TARGETS, "settings": {"stage": "test"}, "revision": "r1", "source": "site", **context}
    return session.run(program, struct(**given))


def made(files: str | Mapping[str, str], **context: Any) -> list[Any]:
    """What a program makes, in which nothing is wrong."""
    outcome = ran(files, **context)
    assert outcome.problems == []
    return [value for value, _ in outcome.documents]


def wrong(files: str | Mapping[str, str], **context: Any) -> list[str]:
    """What is wrong with a program."""
    outcome = ran(files, **context)
    return [
        f"{one.file}:{one.line}:{one.column}: {one.message}" + (f" ({one.hint})" if one.hint else "")
        for one in outcome.problems
    ]


def value(expression: str, before: str = "") -> Any:
    """What an expression gives in `main`."""
    [found] = made(f"{before}\ndef main(ctx):\n    return {{'value': {expression}}}\n")
    return found["value"]
