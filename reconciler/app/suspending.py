"""Suspensions, and their ends, in the audit log."""

from __future__ import annotations

from reconciler.api.views import instant
from reconciler.model.state import Suspension
from reconciler.store.records import AuditRecord


def audited(suspension: Suspension) -> AuditRecord:
    """That a person wants something left alone, why, and until when."""
    return AuditRecord(
        at=suspension.since,
        actor=suspension.by,
        action="suspend",
        object=suspension.object,
        data={"reason": suspension.reason, "until": instant(suspension.until)},
    )


def audited_end(suspended: str, *, by: str, at: float) -> AuditRecord:
    """That a person has ended that."""
    return AuditRecord(at=at, actor=by, action="resume", object=suspended)
