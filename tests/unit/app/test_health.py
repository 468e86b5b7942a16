"""What is wrong with a daemon, by what it is wrong with."""

from types import SimpleNamespace

from reconciler.app.backend import DaemonBackend


def health(*, tasks=None, housekeeping="", targets=None, stuck="", alerts=None):
    store, runtime = SimpleNamespace(trouble=housekeeping), SimpleNamespace(now=lambda: 0.0)
    daemon = SimpleNamespace(
        supervisor=SimpleNamespace(health=lambda: tasks or {}),
        parts=SimpleNamespace(store=store, runtime=runtime),
        controller=SimpleNamespace(troubles=targets or {}, stuck=stuck),
        alerts=SimpleNamespace(outbox=SimpleNamespace(trouble=lambda: alerts or {})),
    )
    return DaemonBackend(daemon).health()


def test_nothing_is_wrong():
    assert health() == {}


def test_tasks_targets_and_the_store_each_say_what_is_wrong():
    assert health(
        tasks={"loop": "stuck"},
        housekeeping="the disk is full",
        targets={"web-1": "no space"},
        stuck="a target waits",
        alerts={"alert ops": "nobody answers"},
    ) == {
        "alert ops": "nobody answers",
        "loop": "stuck",
        "rounds": "a target waits",
        "housekeeping": "the disk is full",
        "target web-1": "no space",
    }
