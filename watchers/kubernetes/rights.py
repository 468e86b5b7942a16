"""Which rights the operator has and which it lacks, asked of the API server at once, and said for a person.

A watch that is refused ends without a word, as if nothing ever happened there; and who reads "403" wants to know which
manifest they have to apply. Invariant: a right that is lacking is never taken for nothing being there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from watchers.kubernetes.objects import Definition

if TYPE_CHECKING:
    import aiohttp

GIVEN = "manifests/base/rights.yaml gives it"
REVIEWS = "apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
"""Everybody may ask what they may do themselves."""
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Right:
    """Something that is to be done with a sort of object.

    Attributes:
        verb: as RBAC has it.
        group: of the resource; "" for Kubernetes' own core.
        resource: in the plural, with its subresource behind a slash.
    """

    verb: str
    group: str
    resource: str

    def __str__(self) -> str:
        """As `kubectl auth can-i` takes it."""
        name, _, sub = self.resource.partition("/")
        full = f"{name}.{self.group}" if self.group else name
        return f"{self.verb} {full}" + (f"/{sub}" if sub else "")


TOLD = tuple(Right(verb, "events.k8s.io", "events") for verb in ("create", "patch"))
"""To tell of what has happened to an object."""
DEFINED = Right("list", "apiextensions.k8s.io", "customresourcedefinitions")
"""To tell an object that was deleted from one whose kind is to be there no longer."""


def needed(definitions: Iterable[Definition]) -> list[Right]:
    """What it takes to keep objects of these kinds."""
    return [
        Right(verb, one.group, f"{one.plural}{sub}")
        for one in definitions
        for verb, sub in (("list", ""), ("watch", ""), ("patch", ""), ("patch", "/status"))
    ] + [*TOLD, DEFINED]


def allows(rules: Iterable[Mapping[str, Any]], right: Right) -> bool:
    """Whether rules as the API server gives them allow that, whatever the object is called."""
    _, slash, sub = right.resource.partition("/")
    wildcards = {"*", right.resource, *((f"*/{sub}",) if slash else ())}
    return any(
        not rule.get("resourceNames")
        and {"*", right.verb} & set(rule.get("verbs") or ())
        and {"*", right.group} & set(rule.get("apiGroups") or ())
        and wildcards & set(rule.get("resources") or ())
        for rule in rules
    )


def in_words(missing: Sequence[Right], where: str, given: str = GIVEN) -> str:
    """What is missing, for a person; "" if nothing is.

    Args:
        missing: which rights.
        where: in which namespace.
        given: what gives it.
    """
    if not missing:
        return ""
    # One for each thing that is done: what is missing of one kind is mostly missing of all.
    by_verb = {(one.verb, one.resource.partition("/")[2]): one for one in reversed(missing)}
    shown = [str(one) for one in reversed(by_verb.values())][:_SHOWN]
    more = f" and {len(missing) - len(shown)} more" if len(missing) > len(shown) else ""
    return f"rights are missing in {where}: {', '.join(shown)}{more}; {given}"


async def lacking(session: aiohttp.ClientSession, namespace: str, rights: Collection[Right]) -> list[Right]:
    """Which of these rights the one who asks has not got in a namespace.

    Nothing is said of those that cannot be told: some authorizers do not list what they allow.
    """
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": namespace},
    }
    async with session.post(REVIEWS, json=body) as response:
        if not response.ok:
            return []
        status = (await response.json())["status"]
    if status.get("incomplete"):
        return []
    return [one for one in rights if not allows(status.get("resourceRules") or (), one)]
