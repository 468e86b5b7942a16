"""What people write by habit who come from other tools, or one level too high: words that stand in any spec there.

What other tools call the fields of one kind, its package says (`Elsewhere`); here is what they have everywhere.
Invariant: a field is named only where the kind has it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.core.spoken import listed

_WHERE = "which targets it is for, target: NAME says, or targets: {matchLabels: {…}}"
_CONDITION = (
    "targets says for which hosts it is, by labels or facts; in values ${…} can ask, as in vars.x ? 'a' : 'b'"
)
_LOOP = "there are no loops: write one manifest each, or a list where a field takes one; for several hosts, targets"
_CHANGED = "leave it out: a kind sees by itself what has changed; when a command is needed, its Exec says"
_FAILING = "leave it out: what fails is tried again, what depends on it waits, and all else goes on"
_GOING = "leave it out: nothing goes with its manifest unless deletion says so"
_REACHED = "leave it out: how a host is reached, and as whom, its Target says"
_VALUES = "a Vars gives values to targets, and ${vars.NAME} reads them"
_ADVICE = {
    **dict.fromkeys(("hosts", "host", "nodes", "node", "inventory", "tgt", "delegateto", "runonce"), _WHERE),
    **dict.fromkeys(("when", "if", "condition"), _CONDITION),
    **dict.fromkeys(("loop", "withitems", "withdict", "foreach", "count", "items"), _LOOP),
    **dict.fromkeys(("register", "changedwhen", "checkmode", "diff"), _CHANGED),
    **dict.fromkeys(
        ("failedwhen", "ignoreerrors", "retry", "retries", "until", "tries", "trysleep"), _FAILING
    ),
    **dict.fromkeys(("lifecycle", "preventdestroy", "finalizers"), _GOING),
    **dict.fromkeys(("become", "becomeuser", "becomemethod", "sudo", "connection", "provider"), _REACHED),
    **dict.fromkeys(("vars", "variables", "locals"), _VALUES),
    **dict.fromkeys(
        ("unless", "onlyif", "creates"), "only an Exec has that: other kinds look for themselves"
    ),
    **dict.fromkeys(
        ("subscribe", "listen", "watch", "onchanges"), "let the other one say notify: [KIND/NAME]"
    ),
    **dict.fromkeys(("handlers", "handler", "trigger", "triggers"), "write notify: [KIND/NAME]"),
    **dict.fromkeys(("tags", "tag"), "write labels, in metadata, and select by them with -l"),
    **dict.fromkeys(("noop", "audit"), "write policy: observe"),
    **dict.fromkeys(("nolog", "sensitive"), "a secret is a value of a Vars: {secret: {file: PATH}}"),
}
"""What to write for a word, by the word as `_folded` makes it."""
_FIELDS = {
    **dict.fromkeys(
        ("dependson", "depends", "after", "needs", "requisites", "watchin", "requires"), "require"
    ),
    **dict.fromkeys(("requirein", "beforeall"), "before"),
    **dict.fromkeys(("notifies", "notifyhandlers"), "notify"),
    **dict.fromkeys(("ensure", "status", "present"), "state"),
    **dict.fromkeys(("schedule", "every", "refreshinterval"), "interval"),
}
"""A field that many kinds have, by a word for it."""


def habitual(name: str, known: Mapping[str, Any]) -> tuple[str, str]:
    """What is meant by a word that other tools have in any spec.

    Args:
        name: the word.
        known: the fields that there are in its place.

    Returns:
        The field that was meant, or ""; else what to do, or "".
    """
    if "targets" not in known:
        return "", ""  # no spec that is for targets
    word = _folded(name)
    meant = _FIELDS.get(word, "")
    return (meant, "") if meant in known else ("", _ADVICE.get(word, ""))


def misplaced(
    name: str, path: tuple[str | int, ...], value: Mapping[str, Any], schema: Mapping[str, Any]
) -> str:
    """A field that exists, but not here: one of spec that is not indented, or one of a part of spec that is in it.

    Args:
        name: of the field.
        path: of the mapping that it stands in.
        value: the whole document.
        schema: of it.
    """
    for place in ("spec", "metadata"):
        # A name in the spec of something that has one is another's word for what the thing is called.
        lost = not path or name not in (value.get(place) or ())
        if lost and name in schema["properties"][place]["properties"]:
            return f"{name} belongs into {place}"
    if path == ("spec",):
        parts = schema["properties"]["spec"]["properties"]
        into = [part for part, below in parts.items() if name in below.get("properties", ())]
        return f"{name} belongs into {listed(into, 'or')}" if into else ""
    return ""


def _folded(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")
