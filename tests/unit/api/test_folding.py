"""What is the same of many resources of a target is said once."""

from reconciler.api.folding import folded
from reconciler.engine.wording import advice


def held(address):
    return {
        "address": address,
        "target": address.partition("/")[0],
        "reason": "PruneHeld",
        "message": "too much at once",
        "advice": advice(address, "PruneHeld"),
    }


def test_what_waits_for_a_person_is_folded_although_each_is_approved_by_its_own_name():
    found = folded([held("web-1/File/a"), held("web-1/File/b"), held("web-2/File/a")])
    assert [(view["target"], view["more"]) for view in found] == [("web-1", 1), ("web-2", 0)]
    assert [view["message"] for view in found] == ["too much at once"] * 2
    assert found[0]["advice"] == "see: froyo get web-1"
    assert "froyo approve web-2/File/a --reason WHY" in found[1]["advice"]
