"""What the statuses of objects say of a rollout."""

from dataclasses import replace
from types import SimpleNamespace

from reconciler.api import views
from reconciler.app.operator.rollouts import AWAITING, of_rollout, with_turns
from reconciler.model.rollout import RolloutPhase, RolloutRecord, RolloutTurn, TargetSeen

TURNS = {
    "a": RolloutTurn(target="a", wanted="2", before=1, revision="r1", begun=3.0),
    "b": RolloutTurn(target="b", wave=1, wanted="2", before=1, revision="r1"),
    "c": RolloutTurn(target="c", wave=2, wanted="2"),
}
RECORD = RolloutRecord(
    source="s", name="web", revision="r2", digest="d", since=1.0, waves=3, message="so far", turns=TURNS
)


def view(target, ready="True"):
    return {
        "address": f"{target}/File/x",
        "target": target,
        "ready": ready,
        "reason": "InSync",
        "message": "",
    }


def new(target, file="x"):
    return SimpleNamespace(target=target, origin=SimpleNamespace(file=file))


def desired(*awaiting):
    those = {f"{target}/File/x": new(target) for target in awaiting}
    return SimpleNamespace(awaiting=those, elsewhere={"b": "r1", "c": ""})


def told(found, desired, record=RECORD, declared=("x",)):
    made = with_turns({"x": found}, desired, [record], declared)
    return [(one["target"], one["ready"], one["reason"], one["message"]) for one in made["x"]]


def test_what_waits_for_its_turn_is_not_called_ready():
    on_b = "its turn is in wave 2 of 3 of the rollout web; until then revision r1 is in force there"
    on_c = "its turn is in wave 3 of 3 of the rollout web; until then nothing is in force there"
    assert told([view("a"), view("b")], desired("b", "c")) == [
        ("a", "True", "InSync", ""),
        ("b", "Unknown", AWAITING, on_b),
        ("c", "Unknown", AWAITING, on_c),
    ]
    # What the new revision leaves as it is waits for nothing, and what is wrong with what is there comes first.
    assert told([view("b")], desired()) == [("b", "True", "InSync", "")]
    assert told([view("b", "False")], desired("b")) == [("b", "False", "InSync", "")]
    # One that is declared no longer stays until then.
    assert told([view("a"), view("b")], desired(), declared=())[1][1:3] == ("Unknown", AWAITING)


def test_of_a_rollout_that_goes_no_further_nothing_comes_by_itself():
    stopped = replace(RECORD, phase=RolloutPhase.STOPPED)
    [said] = told([view("b")], desired("b"), stopped)
    assert said[1:3] == ("False", AWAITING)
    assert said[3] == "the rollout web goes no further (Stopped); revision r1 is in force there"


def test_without_turns_everything_is_as_it_is():
    found = {"x": [view("a")]}
    assert with_turns(found, SimpleNamespace(awaiting={}, elsewhere={}), [RECORD], ()) is found


def test_a_rollout_says_how_far_it_is():
    failed = replace(TURNS["a"], seen=TargetSeen.FAILED, failed="no")
    said = of_rollout(views.rollout(replace(RECORD, turns={**TURNS, "a": failed})))
    assert [(one["type"], one["status"], one["reason"]) for one in said["conditions"]] == [
        ("Ready", "Unknown", "Progressing")
    ]
    assert (said["wave"], said["waves"], said["reached"]) == (1, 3, 1)
    assert said["targets"] == {"total": 3, "ready": 0, "failed": 1}
    assert [(one["target"], one["state"]) for one in said["turns"]] == [
        ("a", "Failed"),
        ("b", "Awaiting"),
        ("c", "Awaiting"),
    ]
    over = of_rollout(views.rollout(replace(RECORD, phase=RolloutPhase.ROLLED_BACK)))
    assert [one["type"] for one in over["conditions"]] == ["Ready", "Stalled"]
    done = of_rollout(views.rollout(replace(RECORD, phase=RolloutPhase.COMPLETE)))
    assert done["conditions"][0]["status"] == "True"
