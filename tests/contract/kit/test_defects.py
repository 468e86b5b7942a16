"""Each property finds the defect that it is there for: in the package that people begin with, spoiled in one place.

`pure` and `equal` no package in Python can break, whose every use is a fresh one without clock and chance:
tests/unit/conformance/test_properties.py has what could.
"""

from pathlib import Path

import pytest

from tests.contract.kit.conftest import Try, findings

BATCH = """        stats = await batch("file.stat", [{"path": one.spec["path"], "text_max": SHOWN} for one in wanted])
"""

LOCKED = """    locked = {"path": call["args"]["path"] + ".lock"}
    lock = {**locked, "blob": EMPTY["digest"], "size": 0, "expect": NOTHING}
    calls = [{"call": "file.write", "args": lock}, call, {"call": "file.remove", "args": locked}]
    return Operation(action, diffs, calls=calls, blobs=[EMPTY["digest"], *blobs], preimage=preimage)


NOTHING = "sha256:40484e9c59942961cf6765b3c408cddd550d8eea3b5cc8cfd12aa1d88092abec"
"""

DEFECTS = {
    "writes while reading": (
        "capabilities",
        "it changes the target, and in read a provider may only look",
        BATCH,
        BATCH + '        await batch("file.write", [{"path": one.spec["path"]} for one in wanted], )\n',
    ),
    "cannot look for what there is": (
        "reading",
        "it cannot look for what there is",
        BATCH,
        BATCH
        + "        return await self.read_all(wanted, stats)\n\n    async def find(self):\n        return [None]\n\n"
        "    async def read_all(self, wanted, stats):\n",
    ),
    "imports what is not there": (
        "cases",
        "a provider cannot import 'asyncio'",
        "        return [planned(one, now) for one, now in zip(wanted, actual, strict=True)]\n",
        "        import asyncio\n        return [planned(one, now) for one, now in zip(wanted, actual, strict=True)]\n",
    ),
    "forgets the mode": (
        "idempotent",
        "after it was applied the plan is update (mode from",
        '        args["mode"] = mode\n',
        "",
    ),
    "says that nothing changed": (
        "idempotent",
        "it says that nothing has changed, and /srv/note is different",
        '        return Operation("none", diffs)\n    return Operation(action, diffs, calls=[call], ',
        '        return Operation("none", diffs)\n    return Operation(action, diffs, {"call": call}, ',
    ),
    "leaves a lock behind": (
        "recovery",
        "after file.remove had failed (transient): the plan is still",
        "    return Operation(action, diffs, calls=[call], blobs=blobs, preimage=preimage)\n",
        LOCKED,
    ),
    "gives up where something else is in the way": (
        "convergence",
        "nothing moved, and its fault is a conflict",
        '    args = {"path": path, "expect": expect,',
        '    expect = expect if now.exists else "sha256:" + "0" * 64\n    args = {"path": path, "expect": expect,',
    ),
    "does not go": (
        "destroy",
        "after it was removed the plan is delete",
        '    if one.spec.get("state") == "absent":\n        if not now.exists:\n            return Operation("none")\n',
        '    if one.spec.get("state") == "absent":\n',
    ),
    "takes a failure for nothing": (
        "faults",
        "it is read as something that it is not",
        "            stat if isinstance(stat, CallError) else seen(one, stat)\n",
        '            seen(one, {"exists": False, "state": ""} if isinstance(stat, CallError) else stat)\n',
    ),
    "makes one failure everybody's": (
        "faults",
        "is read otherwise, too",
        "            stat if isinstance(stat, CallError) else seen(one, stat)\n",
        "            next((any_ for any_ in stats if isinstance(any_, CallError)), None) or seen(one, stat)\n",
    ),
    "asks one by one": (
        "many",
        "to read 100 of them takes 100 round trips, and one takes 1",
        BATCH,
        '        stats = [(await batch("file.stat", [{"path": one.spec["path"]}]))[0] for one in wanted]\n',
    ),
    "tells a secret": (
        "secrets",
        "what it answers in read has CANARY in it",
        '"text_max": SHOWN}',
        '"text_max": SHOWN, "private": True}',
    ),
}

APPLY = """
    async def apply(self, operation):
        await call(operation.payload["call"]["call"], **operation.payload["call"]["args"])
        return Result(False)

"""


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_defect_is_found(defect: str, trial: Try, skeleton: Path) -> None:
    name, says, before, after = DEFECTS[defect]
    plugin = skeleton / "plugin.py"
    text = plugin.read_text()
    assert text.count(before) == 1, "the skeleton is another one now: say where the defect goes"
    text = text.replace(before, after)
    if "payload" not in text and '{"call": call}' in text:
        text = text.replace("    def absence(", APPLY.lstrip("\n") + "    def absence(").replace(
            "Operation, Provider, batch", "Operation, Provider, Result, batch, call"
        )
    plugin.write_text(text)
    found = findings(trial(skeleton))
    assert any(says in message for message in found.get(name, [])), found
