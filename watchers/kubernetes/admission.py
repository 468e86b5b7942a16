"""What the API server asks of a webhook before it takes an object, and what it is answered: documents.

Invariant: what is asked is answered in the version in which it was asked, and about the object that it was about.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from watchers.kubernetes.objects import NAME

_MOST_WARNINGS = 8
_LONGEST = 240
"""Characters of a warning that the API server is sure to pass on."""


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A question.

    Attributes:
        uid: of the question.
        namespace: of the object.
        group: of its kind.
        kind: such as `File`.
        found: the object as it is to be.
        unchanged: whether nothing that is declared is another, or it is being deleted.
    """

    uid: str
    namespace: str
    group: str
    kind: str
    found: Mapping[str, Any]
    unchanged: bool

    @classmethod
    def of(cls, review: Mapping[str, Any]) -> Reviewed:
        """As the API server sends it.

        Raises:
            KeyError: it is no AdmissionReview.
            TypeError: the same.
            ValueError: the same.
        """
        request = review["request"]
        found = request["object"]
        before = request.get("oldObject")
        metadata = {"name": request.get("name") or "", **found["metadata"]}
        # Anybody may ask who reaches the port, and what is in a namespace is listed for it.
        if not NAME.fullmatch(request["namespace"]) or not NAME.fullmatch(metadata["name"] or "generated"):
            raise ValueError("a name in it is none")
        return cls(
            request["uid"],
            request["namespace"],
            request["kind"]["group"],
            request["kind"]["kind"],
            {**found, "metadata": metadata},
            bool(found["metadata"].get("deletionTimestamp"))
            or (before is not None and _declared(before) == _declared(found)),
        )


def _declared(found: Mapping[str, Any]) -> tuple[Any, ...]:
    metadata = found["metadata"]
    return found.get("spec"), metadata.get("labels"), metadata.get("annotations")


def answer(uid: str, refusals: Sequence[str], warnings: Sequence[str]) -> dict[str, Any]:
    """The answer to a question.

    Args:
        uid: of the question.
        refusals: why the object is not taken; none if it is.
        warnings: what the one who writes it should know.
    """
    response: dict[str, Any] = {"uid": uid, "allowed": not refusals}
    if refusals:
        response["status"] = {
            "code": 422,
            "reason": "Invalid",
            "message": "; ".join(refusals),
        }
    if warnings:
        response["warnings"] = [
            one if len(one) <= _LONGEST else f"{one[: _LONGEST - 1]}…" for one in warnings[:_MOST_WARNINGS]
        ]
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response}
