"""Completes a command line: commands, options, and what the daemon or the store knows. Shells' scripts call it.

Invariant: whatever goes wrong, there is only nothing to complete; and there is no word on the screen about it.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterable

from reconciler.cli.catalogue import GROUPS, SUMMARIES
from reconciler.model.event import REASONS
from reconciler.model.facts import SECTIONS

PATIENCE = 0.5
"""Seconds that a daemon gets for an answer: a shell waits for it, and the store knows nearly as much."""

Candidate = tuple[str, str]
"""A word, and what it means."""

_OBJECTS = ("get", "describe", "reconcile", "wait", "suspend", "resume", "rollback", "restore")
_FORMATS = ("text", "json", "yaml")
_ACTIONS = {
    "provider": ("list", "new", "validate", "test"),
    "secrets": ("keygen", "encrypt", "decrypt", "edit", "rotate", "recipients"),
    "rollout": ("status", "pause", "resume", "promote", "abort"),
}
_TABLE_FORMATS = (*_FORMATS, "wide", "name")
_VALUES = {
    "--cause": ("spec", "drift", "adopt", "prune", "restore", "refresh"),
    "--for": ("ready", "not-ready", "drifted", "stalled", "reconciling", "reason="),
    "--log-format": ("auto", "console", "journal", "json"),
}


def print_candidates(words: list[str]) -> int:
    """Print what the last of `words` may become, a line each, with a tab before what it means."""
    try:
        found = candidates(words)
    except Exception:  # noqa: BLE001 - a shell that completes wants words, not reasons
        return 0
    for word, meaning in found:
        print(f"{word}\t{meaning}")
    return 0


def candidates(words: list[str]) -> list[Candidate]:
    """What the last of `words`, which may be empty, may become."""
    if words[:1] == ["dev"] and len(words) > 1:
        words = words[1:]
    partial = words[-1] if words else ""
    return [found for found in _all(words, partial) if found[0].startswith(partial)]


def _all(words: list[str], partial: str) -> Iterable[Candidate]:
    if len(words) < 2:
        return [entry for _, commands in GROUPS for entry in commands]
    command, before = words[0], words[-2]
    if command not in SUMMARIES:
        return []
    if values := _values(command, before):
        return [(word, "") for word in values]
    if before == "--target" and command == "provider":
        return [("memory", ""), ("local", "")]
    if before in ("--source", "--target"):
        what = before.removeprefix("--")
        return [(view["name"], what) for view in _known(words, f"/v1/{what}s")]
    if partial.startswith("-"):
        return _options(command)
    return _arguments(command, before, words)


def _arguments(command: str, before: str, words: list[str]) -> Iterable[Candidate]:
    """What stands behind a command without an option."""
    if command == "completion":
        return [(shell, "") for shell in ("bash", "zsh", "fish")]
    if command in _ACTIONS and command in (before, "provider", "secrets"):
        return [(action, "") for action in _ACTIONS[command]] if before == command else []
    if command == "rollout":
        return [(view["name"], view["phase"]) for view in _known(words, "/v1/rollouts")]
    if command in ("explain", "crd"):
        return _kinds(words)
    if command == "facts":
        if before == command:
            return [(view["name"], "target") for view in _known(words, "/v1/targets")]
        return [(section, "facts") for section in SECTIONS]
    if command in _OBJECTS or before == "--object":
        return _objects(words)
    return []


def _values(command: str, option: str) -> Iterable[str]:
    """What an option takes, where that is one of a few words."""
    if option in ("-o", "--output"):
        return _TABLE_FORMATS if command == "get" else _FORMATS
    if option == "--reason" and command == "events":
        return REASONS
    if option == "--for" and command != "wait":
        return ()
    return _VALUES.get(option, ())


def _options(command: str) -> Iterable[Candidate]:
    from typer.main import get_command

    from reconciler.cli.app import application

    parsed = get_command(application([command])).commands[command]  # type: ignore[attr-defined] # it is a group
    return [
        (option, str(getattr(parameter, "help", "") or ""))
        for parameter in parsed.params
        for option in parameter.opts
        if option.startswith("--")
    ]


def _known(words: list[str], path: str) -> list[dict[str, str]]:
    from reconciler.cli.asking import Asking

    with contextlib.redirect_stderr(io.StringIO()):
        items: list[dict[str, str]] = Asking.of(_state(words)).get(path, timeout=PATIENCE)["items"]
    return items


def _kinds(words: list[str]) -> Iterable[Candidate]:
    """Every kind, and once one is written with a dot behind it, the fields at that place."""
    import os

    from reconciler.app.catalogues import installed
    from reconciler.app.places import places
    from reconciler.config.describing import every_kind, find

    kinds = every_kind(installed(places(os.environ, state=_state(words)))[1])
    above, dot, _ = words[-1].rpartition(".")
    if not dot:
        return [(kind.kind, kind.package or "froyo") for kind in kinds]
    return [
        (f"{above}.{field.path[-1]}", str(field.schema.get("description", "")))
        for found in find(above, kinds)
        for field in (
            found.fields() if found.path else [*found.fields(), *find(f"{above}.spec", kinds)[0].fields()]
        )
    ]


def _state(words: list[str]) -> str | None:
    """The state directory, if the line names one."""
    return words[words.index("--state") + 1] if "--state" in words[:-2] else None


def _objects(words: list[str]) -> Iterable[Candidate]:
    if words[0] == "rollback":
        return [(view["revision"], view["takenAt"]) for view in _known(words, "/v1/revisions")]
    resources = _known(words, "/v1/resources")
    kinds = sorted({view["kind"] for view in resources})
    targets = sorted({view["target"] for view in resources})
    return [
        *((name, "target") for name in targets),
        *((kind, "kind") for kind in kinds),
        *((view["address"], view["reason"]) for view in resources),
    ]
