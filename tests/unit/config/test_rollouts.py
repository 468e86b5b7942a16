"""How changes reach targets, as it is declared, and what is said when that makes no sense."""

from __future__ import annotations

import pytest

from reconciler.errors import ConfigError
from reconciler.model.rollout import (
    DEADLINE,
    OnFailure,
    OnUnreachable,
    Portion,
    RolloutOrder,
)
from tests.unit.config.world import loaded

HEAD = "apiVersion: froyo.dev/v1alpha1\nkind: Rollout\nmetadata: {name: web}\nspec:\n"
TARGETS = "".join(
    f"apiVersion: froyo.dev/v1alpha1\nkind: Target\nmetadata: {{name: {name}, labels: {{{labels}}}}}\n"
    "spec: {ssh: {host: h}}\n---\n"
    for name, labels in (("w1", "role: web, canary: 'yes'"), ("w2", "role: web"), ("db", "role: db"))
)
FILE = (
    "apiVersion: linux.froyo.dev/v1alpha1\nkind: File\nmetadata: {name: motd}\n"
    "spec: {targets: {}, path: /etc/motd, content: x}\n"
)
WEB = "  targets: {matchLabels: {role: web}}\n"


def read(spec, more=""):
    files = {"t.yaml": TARGETS + FILE, "r.yaml": HEAD + spec + more}
    return loaded(files).rollouts["web"]


def refused(spec, more=""):
    with pytest.raises(ConfigError) as error:
        read(spec, more)
    return "\n".join(str(problem) for problem in error.value.problems)


def test_a_rollout_is_declared_in_full():
    found = read(
        WEB + "  waves:\n"
        "  - {targets: {matchLabels: {canary: 'yes'}}, untilPromoted: true}\n"
        "  - {size: 25%, pause: 10m}\n"
        "  maxUnavailable: 2\n  order: shuffled\n  soak: 5m\n  deadline: 1m\n  unreachable: wait\n"
        "  maxFailures: 10%\n  onFailure: rollback\n  probes: [File/motd]\n"
    )
    assert found.targets == ("w1", "w2")
    canary, rest = found.waves
    assert (canary.targets, canary.until_promoted, canary.size) == ({"w1"}, True, None)
    assert (rest.size, rest.pause, rest.selector) == (Portion(percent=25), 600.0, None)
    assert (found.max_unavailable, found.max_failures) == (Portion(2), Portion(percent=10))
    assert (found.order, found.on_failure) == (RolloutOrder.SHUFFLED, OnFailure.ROLLBACK)
    assert (found.soak, found.deadline, found.unreachable) == (300.0, 60.0, OnUnreachable.WAIT)
    assert found.probes == ("File/motd",)
    assert str(found.origin) == "/src/r.yaml:1"


def test_what_is_left_out_is_careful():
    found = read(WEB + "  waves: [{size: 1}]\n")
    assert (found.max_unavailable, found.max_failures, found.soak) == (None, Portion(), 0.0)
    assert (found.deadline, found.on_failure, found.unreachable) == (
        DEADLINE,
        OnFailure.STOP,
        OnUnreachable.FAIL,
    )


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (
            WEB + "  waves: [{size: 1, pause: 1h, untilPromoted: true}]\n",
            "pause and untilPromoted do not go together",
        ),
        (
            WEB + "  waves: [{size: 1}]\n  probes: [File/mot]\n",
            "there is no File/mot (did you mean 'File/motd'?)",
        ),
        (WEB + "  waves: [{targets: {matchLabels: {canary: y}}}]\n", "(did you mean 'canary=yes'?)"),
        (
            WEB + "  waves: [{targets: {matchExpressions: [{key: x, operator: Exists}]}}]\n",
            "(take the wave away, or mend its labels)",
        ),
        (
            "  targets: {matchFacts: {os.family: debian}}\n  waves: [{size: 1}]\n",
            "facts may not be known yet when it begins",
        ),
        (WEB + "  waves: [{size: 1}]\n  soak: 1y\n", "spec.soak cannot be '1y'"),
        (WEB + "  waves: [{size: 101%}]\n", "spec.waves[0].size cannot be '101%'"),
        (WEB + "  waves: [{size: 0}]\n", "spec.waves[0].size is 0; at least 1 is wanted"),
        (WEB + "  waves: [{}]\n", "spec.waves[0]"),
        (WEB + "  waves: []\n", "spec.waves"),
    ],
    ids=[
        *("both pauses", "no probe", "no canary", "no label", "facts"),
        *("duration", "percent", "none", "neither", "no wave"),
    ],
)
def test_what_makes_no_sense_is_said_with_its_place(spec, said):
    assert said in refused(spec)


def test_a_target_has_one_rollout_and_a_rollout_one_declaration():
    other = "---\n" + HEAD.replace("name: web", "name: all") + "  targets: {}\n  waves: [{size: 1}]\n"
    said = refused(WEB + "  waves: [{size: 1}]\n", other)
    assert "w1 is a target of Rollout/web already, at /src/r.yaml:1" in said
    again = "---\n" + HEAD + WEB + "  waves: [{size: 1}]\n"
    assert "Rollout/web is declared a second time; first at /src/r.yaml:1" in refused(
        WEB + "  waves: [{size: 1}]\n", again
    )


def test_one_of_no_target_is_none_of_its_waves_trouble():
    found = read("  targets: {matchLabels: {role: none}}\n  waves: [{targets: {matchLabels: {a: b}}}]\n")
    assert found.targets == ()


LOCK = "---\napiVersion: froyo.dev/v1alpha1\nkind: Lock\nmetadata: {name: web}\nspec:\n"


def test_a_lock_is_one_of_its_targets_at_a_time_unless_it_says_otherwise():
    files = {"t.yaml": TARGETS + FILE}
    one = loaded(files | {"l.yaml": LOCK + WEB}).locks["web"]
    assert (one.targets, one.most) == ({"w1", "w2"}, 1)
    assert loaded(files | {"l.yaml": LOCK + WEB + "  atOnce: 100%\n"}).locks["web"].most == 2
    with pytest.raises(ConfigError) as error:
        loaded(files | {"l.yaml": LOCK + WEB + LOCK + WEB})
    assert "Lock/web is declared a second time" in str(error.value.problems[0])


def test_what_selects_nobody_is_warned_of_since_it_is_as_if_it_were_not_there():
    rollout = HEAD + "  targets: {matchLabels: {role: webb}}\n  waves: [{size: 1}]\n---\n"
    lock = HEAD.replace("Rollout", "Lock") + "  targets: {matchLabels: {rank: web}}\n"
    said = loaded({"t.yaml": TARGETS + FILE, "r.yaml": rollout + lock}).warnings
    warned = [one for one in said if one.startswith("/src/r.yaml")]
    assert len(warned) == 2
    assert (
        "r.yaml:5:3: none of the targets has these labels: what changes reaches all of its targets"
        in warned[0]
    )
    assert "did you mean 'role=web'?" in warned[0]
    assert "r.yaml:12:3: none of the targets has these labels: it holds nothing back" in warned[1]
