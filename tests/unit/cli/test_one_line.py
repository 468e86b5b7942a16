"""What somebody else said stands in a line of ours, and makes up none that looks like ours."""

import pytest

from reconciler.cli.failures import problem_lines, show_failure
from reconciler.cli.show.description import description
from reconciler.cli.show.events import event_lines
from reconciler.cli.show.history import history_lines
from reconciler.cli.show.plans import diff_lines, plan_lines
from reconciler.cli.show.resources import (
    resource_table,
    revision_table,
    source_table,
)
from reconciler.cli.show.results import result_document, result_lines
from reconciler.cli.show.status import status_lines
from reconciler.core.conditions import Summary
from reconciler.engine.single.oneshot import TargetResult
from reconciler.errors import Problem, TransportError
from reconciler.model.conditions import Reason
from tests.unit.api.known import event
from tests.unit.cli.screens import EVENT, NOW, Screen, pipe, plan, resource, status, target, unit

EVIL = "why\n  Ready\tforged\r\x1b[2J"
ADDRESS = f"web-1/File/{EVIL}"
BAD = Summary(ready=False, reason=Reason.PERMANENT_ERROR, message=EVIL, since=0.0)
RUN = {
    "id": "r1",
    "target": "web-1",
    "cause": "drift",
    "revision": EVIL,
    "startedAt": "2026-01-31T12:00:00.000000Z",
    "finishedAt": "2026-01-31T12:00:00.250000Z",
    "outcome": "Applied",
    "message": EVIL,
    "units": [{"address": ADDRESS, "action": "update", "diffs": [], "outcome": "Failed", "message": EVIL}],
}
CONDITION = {
    "type": "Ready",
    "status": "False",
    "reason": "Suspended",
    "message": EVIL,
    "lastTransitionTime": "2026-01-31T11:00:00.000000Z",
    "observedGeneration": 2,
}
SUSPENSION = {
    "object": ADDRESS,
    "by": EVIL,
    "reason": EVIL,
    "since": "2026-01-31T11:00:00.000000Z",
    "until": None,
}
SOURCE = {
    "name": EVIL,
    "revision": "abc",
    "digest": "sha256:1",
    "conditions": [CONDITION],
    "problems": [f"{EVIL}.yaml:3:1: {EVIL}"],
    "degraded": EVIL,
    "rollback": {
        "revision": EVIL,
        "by": EVIL,
        "reason": EVIL,
        "since": "2026-01-31T11:00:00.000000Z",
        "until": None,
    },
}
RESOURCE = resource(
    ADDRESS,
    "False",
    "Suspended",
    EVIL,
    declaredAt=f"{EVIL}.yaml:4",
    metadata={"labels": {"a": EVIL}},
    require=[EVIL],
    before=[EVIL],
    notify=[EVIL],
    policy="enforce",
    adopt="replace",
    spec={EVIL: EVIL, "list": [EVIL], "body": {"digest": EVIL, "size": EVIL}, "deep": {EVIL: {EVIL: 1}}},
    suspended=[SUSPENSION],
    conditions=[CONDITION],
    history=[
        {"at": "2026-01-31T11:00:00.000000Z", "outcome": "Failed", "message": EVIL, "cause": "drift"},
    ],
)
SAID = {**EVENT, "object": ADDRESS, "message": EVIL, "data": {"problems": [EVIL], "diffs": []}}
DIFF = {"field": EVIL, "before": EVIL, "after": EVIL}


@pytest.mark.parametrize("width", [None, 60])
@pytest.mark.parametrize(
    "lines",
    [
        lambda screen: description(screen, RESOURCE, [SAID], now=NOW),
        lambda screen: resource_table(screen, [RESOURCE], now=NOW, wide=True),
        lambda screen: source_table(screen, [SOURCE], now=NOW),
        lambda screen: status_lines(
            screen,
            status(
                live=False,
                problems={EVIL: EVIL},
                sources=[SOURCE],
                targets=[target("web-1", "False", EVIL)],
                suspensions=[SUSPENSION],
                notReady=[RESOURCE],
            ),
            now=NOW,
            where=EVIL,
        ),
        lambda screen: event_lines(screen, [SAID], now=NOW),
        lambda screen: history_lines(screen, {"items": [RUN], "rollbacks": [SAID]}, now=NOW),
        lambda screen: revision_table(
            screen,
            [
                {
                    "revision": EVIL,
                    "source": EVIL,
                    "takenAt": "2026-01-31T11:00:00.000000Z",
                    "files": 1,
                    "inForce": True,
                    "newest": True,
                }
            ],
            now=NOW,
        ),
        lambda screen: diff_lines(screen, [DIFF], indent="  "),
        lambda screen: plan_lines(
            screen,
            [
                plan(
                    "web-1",
                    unit(ADDRESS, diffs=[DIFF], declaredAt=EVIL, subject=EVIL),
                    unit(ADDRESS, held="Held", heldBecause=EVIL),
                    errors={"web-1": EVIL, ADDRESS: EVIL},
                )
            ],
        ),
        lambda screen: result_lines(
            screen,
            result_document(
                [
                    TargetResult("web-1", 3, changed=[ADDRESS], failed={ADDRESS: BAD}, left={ADDRESS: BAD}),
                    TargetResult("web-2", 3, error=EVIL),
                ],
                {ADDRESS: [event(1, ADDRESS, "Updated", message=EVIL)]},
                {ADDRESS: EVIL},
                seconds=1.0,
            ),
        ),
        lambda screen: problem_lines(screen, [Problem(EVIL, 1, 1, "no", EVIL)]),
    ],
    ids=[
        "describe",
        "get",
        "sources",
        "status",
        "events",
        "history",
        "revisions",
        "diff",
        "plan",
        "apply",
        "problems",
    ],
)
def test_a_value_with_a_newline_makes_up_no_line(lines, width):
    shown = lines(pipe(width=width))
    assert "Ready" in "".join(shown)
    for line in shown:
        assert line.isprintable(), line


def test_a_failure_is_one_line():
    screen = Screen()
    show_failure(screen.terminal, TransportError(EVIL))
    assert screen.err.getvalue().count("\n") == 1
