"""What is told of a target's facts: all of them, or the one that a path leads to."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from reconciler.api.suggesting import unknown_target
from reconciler.api.views import Document, document, instant, items
from reconciler.core.fact_hints import fact_hint
from reconciler.core.suggest import did_you_mean
from reconciler.errors import UsageError
from reconciler.model.fact_paths import FactPath, fact_path_text, look_up, parse_fact_path
from reconciler.model.facts import Facts
from reconciler.model.names import TargetName

LISTED = 8


def facts_document(
    known: Mapping[TargetName, Facts], targets: Collection[TargetName], name: str, written: str
) -> Document:
    """The document of `froyo facts`.

    Args:
        known: what is known, by target.
        targets: those that there are.
        name: of the target; "" for all.
        written: the path of a fact; "" for all.

    Raises:
        UsageError: there is no such target, path or fact, or nothing is known.
    """
    if not name:
        return items("FactsList", (facts_document(known, targets, one, "") for one in sorted(known)))
    facts = known.get(TargetName(name))
    if not facts:
        if name not in targets:
            raise UsageError(unknown_target(name, {*known, *targets}))
        raise UsageError(
            f"what {name} is, is not known yet: it has not been asked; see: froyo facts {name} --refresh"
        )
    path = parse_path(written)
    shown = {str(path[0])} if path else set(facts.sections)
    fields: Document = {
        "target": name,
        "gatheredAt": instant(
            min((at for section, at in facts.taken.items() if section in shown), default=None)
        ),
        "cut": sorted(facts.cut & shown),
    }
    if not path:
        return document("Facts", **fields, facts={s: facts.sections[s] for s in sorted(facts.sections)})
    return document("Fact", **fields, path=fact_path_text(path), value=_value(facts, name, path))


def parse_path(written: str) -> FactPath:
    """The path of a fact.

    Raises:
        UsageError: it is none; says which was probably meant.
    """
    if not written:
        return ()
    try:
        return parse_fact_path(written)
    except ValueError as error:
        hint = fact_hint(written.replace("[", ".").split("."))
        raise UsageError(f"{error}" + (f"; {hint}" if hint else "")) from error


def _value(facts: Facts, name: str, path: FactPath) -> Any:
    try:
        return look_up(facts.sections, path)
    except KeyError as error:
        far: FactPath = error.args[0]
        above = look_up(facts.sections, far)
        there = sorted(above) if isinstance(above, Mapping) else []
        missing = str(path[len(far)])
        hint = did_you_mean(missing, there) or fact_hint(path)
        if not hint and there:
            more = " …" if len(there) > LISTED else ""
            hint = f"there is {', '.join(there[:LISTED])}{more}"
        where = f" in {fact_path_text(far)}" if far else ""
        raise UsageError(
            f"{name} has no {fact_path_text(path)}: there is no {missing}{where}"
            + (f"; {hint}" if hint else "")
        ) from error
