"""Terminals in memory, and documents to print on them."""

from __future__ import annotations

import io

from reconciler.cli.terminal import Terminal


class Screen:
    """A terminal whose lines can be read."""

    def __init__(self, **fields):
        self.out, self.err = io.StringIO(), io.StringIO()
        self.terminal = Terminal(out=self.out, err=self.err, **fields)

    @property
    def text(self):
        return self.out.getvalue()


def pipe(**fields):
    return Screen(**fields).terminal


def unit(address, action="update", cause="drift", diffs=(), **fields):
    return {
        "address": address,
        "action": action,
        "cause": cause,
        "diffs": list(diffs),
        "desired": "sha256:d",
        "observed": "sha256:o",
        **fields,
    }


def plan(target, *units, errors=None, declared_at=None):
    return {
        "target": target,
        "revision": "abc",
        "observedAt": "2026-01-31T12:00:00.000000Z",
        "units": list(units),
        "errors": errors or {},
        "declaredAt": declared_at or {},
    }


def diff(field, before, after, **fields):
    return {"field": field, "before": before, "after": after, **fields}


def body(digit, size):
    return {"digest": "sha256:" + digit * 64, "size": size}


MODE = diff("mode", "0600", "0644")
CONTENT = diff("content", body("a", 2), body("b", 6), unified="@@ -1 +1 @@\n-x\n+hello")
EVENT = {
    "id": 5,
    "at": "2026-01-31T12:00:00.000000Z",
    "type": "Normal",
    "reason": "Repaired",
    "object": "web-1/File/motd",
    "message": "content changed by `vim /etc/motd` (pid 4711, alice as root), put back after 38 ms",
    "cause": "drift",
}
NOW = 1769860805.0  # 2026-01-31T12:00:05Z


def resource(address="web-1/File/motd", ready="True", reason="InSync", message="as declared", **fields):
    target, kind, name = address.split("/", 2)
    return {
        "address": address,
        "target": target,
        "kind": kind,
        "name": name,
        "ready": ready,
        "reason": reason,
        "message": message,
        "since": "2026-01-31T11:00:05.000000Z",
        "generation": 2,
        "observedGeneration": 2,
        "observedAt": "2026-01-31T11:59:55.000000Z",
        "conditions": [],
        "history": [],
        **fields,
    }


def target(name, status="True", message="connected as root, by sudo from ops", instances=3):
    ready = {
        "type": "Ready",
        "status": status,
        "reason": "InSync" if status == "True" else "Unreachable",
        "message": message,
        "lastTransitionTime": "2026-01-31T11:50:05.000000Z",
        "observedGeneration": 1,
    }
    return {
        "name": name,
        "instances": instances,
        "conditions": [ready],
        "connectedSince": "2026-01-31T11:50:05.000000Z" if status == "True" else None,
        "lastSeen": "2026-01-31T11:58:00.000000Z",
        "nextTry": None,
    }


def status(*, notReady=(), **fields):  # noqa: N803 - as the document has it
    return {
        "apiVersion": "froyo.dev/v1alpha1",
        "kind": "Status",
        "live": True,
        "sources": [],
        "targets": [],
        "problems": {},
        "counts": {},
        "instances": 0,
        "ready": 0,
        "notReady": [{"more": 0, **view} for view in notReady],
        "contested": [],
        "suspensions": [],
        "controllers": [],
        "rollouts": [],
        **fields,
    }
