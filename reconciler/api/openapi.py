"""The API's description, as OpenAPI 3.1 has it: made of the table of routes below and of the shapes of what is sent.

Served as `/v1/openapi.json`, and kept in `docs/openapi.json`: `python -m reconciler.api.openapi` prints it. Invariant:
tests hold the table equal to what the server routes, and the answers of a server to it.

The version of the API is in its paths: within `/v1` fields and paths may come, and none goes or changes what it means.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic.json_schema import models_json_schema

from reconciler import __version__
from reconciler.api import requests
from reconciler.model.envelope import API_VERSION

if TYPE_CHECKING:
    from pydantic import BaseModel

Json = dict[str, Any]

PARAMETERS = {
    "what": "a kind, Kind/name, a target, target/Kind, or an address",
    "target": "the name of a target; of resources, several with commas between them",
    "selector": "labels, as kubectl selects by them",
    "specs": "1: with what is declared",
    "object": "what the object of an event begins with",
    "reason": "of an event",
    "cause": "why it was done",
    "type": "Normal or Warning",
    "since": "a time such as 2026-01-31T12:00:00Z, or seconds since the epoch",
    "after": "only what has a greater id, oldest first",
    "limit": "at most so many, up to 100,000",
    "follow": "1: one a line, for ever",
    "path": "of one fact",
    "source": "the name of a source",
    "name": "of a rollout",
    "verbose": "given at all: with the checks that pass",
    "exclude": "a check that is left out; may be given again",
}


@dataclass(frozen=True, slots=True)
class Route:
    """One thing that can be asked.

    Attributes:
        method: of HTTP.
        path: with its parameters in braces.
        summary: what is answered or done.
        answers: kinds of the document that is answered; none where it is text.
        query: names of parameters, of `PARAMETERS`.
        body: what is to be sent.
        unavailable: whether 503 is an answer of that kind, too.
    """

    method: str
    path: str
    summary: str
    answers: tuple[str, ...] = ()
    query: tuple[str, ...] = ()
    body: type[BaseModel] | None = None
    unavailable: bool = False


def _get(path: str, summary: str, *answers: str, query: str = "", unavailable: bool = False) -> Route:
    return Route("get", path, summary, answers, tuple(query.split()), unavailable=unavailable)


def _post(path: str, summary: str, answer: str, body: type[BaseModel] | None = None) -> Route:
    return Route("post", path, summary, (answer,), body=body)


ROUTES: Sequence[Route] = (
    _get("/v1/status", "How everything is.", "Status"),
    _get(
        "/v1/resources",
        "What is declared, and how it is.",
        "ResourceList",
        query="what target selector specs",
    ),
    _get("/v1/resources/{address}", "One resource.", "Resource"),
    _get("/v1/targets", "The targets, and whether there is a session.", "TargetList"),
    _get("/v1/sources", "The sources, and what is wrong with them.", "SourceList"),
    _get("/v1/revisions", "What is kept of each source, the oldest first.", "RevisionList", query="source"),
    _get(
        "/v1/rollouts", "How far revisions are that reach targets wave by wave.", "RolloutList", query="name"
    ),
    _get("/v1/alerts", "Who is told of what, and how that gets on.", "AlertList"),
    _get("/v1/suspensions", "What is left alone, why and until when.", "SuspensionList"),
    _get("/v1/orphans", "What is ours and declared by nobody.", "OrphanList"),
    _get("/v1/queue", "What people asked for and has not been looked at yet.", "QueueList"),
    _get("/v1/facts", "What targets are.", "FactsList", "Facts", "Fact", query="target path"),
    _get(
        "/v1/events",
        "What happened, oldest first; with follow, as JSON lines.",
        "EventList",
        query="object reason cause type since after limit follow",
    ),
    _get("/v1/changes", "As JSON lines, for ever: of what something else is on record.", "Change"),
    _get("/v1/history", "Rounds that set out to change something.", "RunList", query="target limit"),
    _get("/v1/healthz", "What is wrong with the daemon itself.", "Health", unavailable=True),
    _get("/v1/openapi.json", "This."),
    _get("/metrics", "What is measured, as Prometheus reads it."),
    *(
        _get(f"/{title}{one}", about, query="verbose exclude", unavailable=True)
        for title, about in (
            ("healthz", "Whether it lives."),
            ("livez", "Whether it lives."),
            ("readyz", "Whether it lives and can work."),
        )
        for one in ("", "/{check}")
    ),
    _post("/v1/alerts/test", "Send a message by hand.", "Accepted", requests.ProveAlert),
    _post("/v1/facts", "Ask a target what it is.", "Facts", requests.GatherFacts),
    _post("/v1/plan", "What would be changed now.", "PlanList"),
    _post("/v1/reconcile", "Look at these now.", "Accepted", requests.Reconcile),
    _post("/v1/suspend", "Leave something alone.", "Accepted", requests.Suspend),
    _post("/v1/resume", "Do not leave it alone any longer.", "Accepted", requests.Resume),
    _post("/v1/approve", "Have done what waits for a person.", "Accepted", requests.Approve),
    _post("/v1/forget", "Leave these as they are, for good.", "Accepted", requests.Forget),
    _post("/v1/restore", "Put back what was there before us.", "Accepted", requests.Restore),
    _post("/v1/restore/plan", "What that would change.", "PlanList", requests.ForeseeRestore),
    _post("/v1/rollouts", "Pause, resume, promote or abort one.", "Rollout", requests.SteerRollout),
    _post("/v1/rollback", "Put an earlier revision in force.", "RolledBack", requests.StartRollback),
    _post(
        "/v1/rollback/end", "Put the newest good one in force again.", "RollbackEnded", requests.EndRollback
    ),
)
"""All that can be asked, in `/v1` and beside it."""

FAILURES = {
    400: "what was asked makes no sense",
    404: "there is no such thing",
    500: "a defect of froyo",
    503: "the daemon cannot do it now",
}


def describe() -> Json:
    """The description."""
    bodies = [route.body for route in ROUTES if route.body is not None]
    _, shapes = models_json_schema(
        [(body, "validation") for body in bodies], ref_template="#/components/schemas/{model}"
    )
    answers = {kind: _answer(kind) for route in ROUTES for kind in route.answers}
    paths: Json = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "OpenFroyo",
            "version": __version__,
            "description": "HTTP on the daemon's unix socket, froyo.sock in its state directory; docs/cli.md says what "
            "the documents mean. Whoever may open the socket may do what the daemon's owner may.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "responses": {
                f"Error{status}": {
                    "description": why,
                    "content": {"application/json": {"schema": _ref("Error")}},
                }
                for status, why in FAILURES.items()
            },
            "schemas": shapes["$defs"] | answers | {"Error": _error()},
        },
    }


def text() -> str:
    """The same, as it is kept and served."""
    return json.dumps(describe(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _operation(route: Route) -> Json:
    name = route.path.translate(str.maketrans("/.{}", "____")).strip("_")
    operation: Json = {
        "operationId": f"{route.method}_{name}",
        "summary": route.summary,
        "responses": {"200": {"description": "so it is", "content": _content(route)}}
        | {str(status): {"$ref": f"#/components/responses/Error{status}"} for status in FAILURES},
    }
    if route.unavailable:
        operation["responses"]["503"] = {"description": "it is not well", "content": _content(route)}
    within = [part[1:-1] for part in route.path.split("/") if part.startswith("{")]
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in within
    ]
    parameters += [
        {"name": name, "in": "query", "description": PARAMETERS[name], "schema": {"type": "string"}}
        for name in route.query
    ]
    if parameters:
        operation["parameters"] = parameters
    if route.body is not None:
        content = {"application/json": {"schema": _ref(route.body.__name__)}}
        operation["requestBody"] = {"required": route.body is not requests.Reconcile, "content": content}
    return operation


def _content(route: Route) -> Json:
    if not route.answers:
        mime = "application/json" if route.path.endswith(".json") else "text/plain"
        return {mime: {"schema": {"type": "object" if mime.endswith("json") else "string"}}}
    refs = [_ref(kind) for kind in route.answers]
    return {"application/json": {"schema": refs[0] if len(refs) == 1 else {"oneOf": refs}}}


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _document(kind: str, **more: Json) -> Json:
    properties = {"apiVersion": {"const": API_VERSION}, "kind": {"const": kind}, **more}
    return {"type": "object", "required": list(properties), "properties": properties}


def _answer(kind: str) -> Json:
    if kind.endswith("List"):
        return _document(kind, items={"type": "array", "items": {"type": "object"}})
    return _document(kind)


def _error() -> Json:
    return _document("Error", status={"type": "integer"}, message={"type": "string"})


if __name__ == "__main__":
    print(text(), end="")  # noqa: T201 - its result
