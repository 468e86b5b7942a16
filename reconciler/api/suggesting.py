"""What a person has probably meant by a word that means nothing that is known.

Pure: works on the documents of `views`, as `selecting` does, and says what `suggest` says of misspelt fields.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from reconciler.api.selecting import EVERY_LABEL, Selection, is_kind, means, plural
from reconciler.api.views import Document
from reconciler.core.suggest import closest, did_you_mean
from reconciler.model.selector import Operator, Selector

LISTED = 5
"""Names that are listed where none of them is close."""

SEE = "see: froyo get"


def no_match(selection: Selection, resources: Sequence[Document], *, words: Iterable[str] = ()) -> str:
    """Why nothing is selected, and what was probably meant.

    Args:
        selection: what was asked for, in vain.
        resources: all that are known, with their metadata where labels were asked for.
        words: what may be asked for besides resources, such as `targets`.
    """
    targets = sorted({view["target"] for view in resources})
    for name in selection.targets:
        if name not in targets:
            return unknown_target(name, targets)
    if selection.what and not any(means(selection.what, view) for view in resources):
        hint = did_you_mean_one_of(selection.what, resources, words=words)
        return f"nothing is known that matches {selection.what!r}; {hint or SEE}"
    named = [view for view in resources if means(selection.what, view)]
    if selection.labels != EVERY_LABEL and not any(selection.labels.matches(_labels(view)) for view in named):
        return no_label(selection.labels, [_labels(view) for view in resources])
    return (
        f"nothing is known that matches all of that; {SEE}" if resources else f"nothing is known yet; {SEE}"
    )


def unknown_target(name: str, known: Collection[str]) -> str:
    """What is said of a target that there is not."""
    few = ", ".join(sorted(known)[:LISTED]) + (" …" if len(known) > LISTED else "")
    hint = did_you_mean(name, known) or (f"there is: {few}" if few else "there is none")
    return f"no target is named {name!r}; {hint}"


def did_you_mean_one_of(what: str, resources: Iterable[Document], *, words: Iterable[str] = ()) -> str:
    """A hint with the closest name that a person may write for `resources`, or ""."""
    views = list(resources)
    parts = what.split("/", 2)
    if len(parts) == 3:
        return _meant_address(what, parts, views)
    if len(parts) == 2:
        return _meant_pair(what, parts, views)
    kinds = sorted({view["kind"] for view in views})
    targets = sorted({view["target"] for view in views})
    if hint := did_you_mean(what, [*targets, *kinds, *(plural(kind) for kind in kinds), *words]):
        return hint
    names = {view["name"]: f"{view['kind']}/{view['name']}" for view in views}
    found = closest(what, names)
    return f"did you mean {names[found]!r}?" if found else ""


def _meant_address(what: str, parts: Sequence[str], views: Sequence[Document]) -> str:
    """A hint for target, kind and name. What is right in it stays: the name is doubted, then the kind, then all."""
    target, kind, name = parts
    like = {v["name"]: v["address"] for v in views if v["target"] == target and is_kind(kind, v["kind"])}
    if not like:
        return did_you_mean(what, [view["address"] for view in views])
    if found := closest(name, like):
        return f"did you mean {like[found]!r}?"
    return _first(view["address"] for view in views if (view["target"], view["name"]) == (target, name))


def _meant_pair(what: str, parts: Sequence[str], views: Sequence[Document]) -> str:
    """The same for a kind and a name, or for a target and a kind."""
    kind, name = parts
    like = {v["name"]: f"{v['kind']}/{v['name']}" for v in views if is_kind(kind, v["kind"])}
    if not like:
        on_target = {f"{view['target']}/{view['kind']}" for view in views}
        return did_you_mean(what, [*sorted({f"{v['kind']}/{v['name']}" for v in views}), *sorted(on_target)])
    if found := closest(name, like):
        return f"did you mean {like[found]!r}?"
    return _first(f"{view['kind']}/{view['name']}" for view in views if view["name"] == name)


def _first(names: Iterable[str]) -> str:
    """A hint with what bears just the name that was asked for, elsewhere."""
    found = next(iter(names), "")
    return f"did you mean {found!r}?" if found else ""


def _labels(view: Document) -> Mapping[str, str]:
    found: Mapping[str, str] = view.get("metadata", {}).get("labels", {})
    return found


def no_label(wanted: Selector, labels: Iterable[Mapping[str, str]]) -> str:
    """What is said of a selector that none of those labels match."""
    hint = _meant_label(wanted, {pair for found in labels for pair in found.items()})
    return f"no resource has these labels; {hint or 'see: froyo get -o json'}"


def _meant_label(wanted: Selector, every: set[tuple[str, str]]) -> str:
    """A hint about the first label that no resource has."""
    keys = sorted({key for key, _ in every})
    asked = [*wanted.labels]
    for requirement in wanted.requirements:
        if requirement.operator is Operator.IN:
            asked += [(requirement.key, value) for value in requirement.values]
        elif requirement.operator is Operator.EXISTS and requirement.key not in keys:
            return did_you_mean(requirement.key, keys)
    for key, value in asked:
        if key not in keys:
            meant = closest(key, keys)
            return f"did you mean '{meant}={value}'?" if meant else ""
        if (key, value) not in every:
            values = sorted(found for other, found in every if other == key)
            meant = closest(value, values)
            return f"did you mean '{key}={meant}'?" if meant else f"{key} is: {', '.join(values[:LISTED])}"
    return ""
