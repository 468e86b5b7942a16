"""The world of the cases: programs that there are, and what each does when it is run.

Such as `programs: {/usr/bin/make-index: {exit: 0, creates: /srv/index, stdout: "…"}}`; and `kernel: {landlock: false}`
where a check cannot be confined.
"""

from __future__ import annotations

import base64
from typing import Any

from froyo_provider import CallError


def answer(world: dict[str, Any], call: str, args: dict[str, Any]) -> dict[str, Any]:
    """What the runner answers."""
    argv = args["argv"]
    program = world.get("programs", {}).get(argv[0])
    if call == "exec.look":
        return {"obstacles": [] if program else [missing(argv[0])]}
    if program is None:
        raise CallError(call, missing(argv[0]))
    if call == "exec.check" and not world.get("kernel", {}).get("landlock", True):
        raise CallError(
            call, {"class": "permanent", "code": "not_supported", "message": "there is no Landlock"}
        )
    if call in ("exec.check", "exec.check.unconfined"):
        return {"exit": program.get("exit", 0) if "creates" not in program else 1 - there(world, program)}
    if program.get("exit", 0) == 0 and "creates" in program:
        world["files"][program["creates"]] = {"content": "made\n"}
    said = base64.b64encode(program.get("stdout", "").encode()).decode()
    return {"exit": program.get("exit", 0), "signal": None, "stdout": said, "stderr": "", "truncated": False}


def there(world: dict[str, Any], program: dict[str, Any]) -> int:
    """Whether what it makes is there: 1 or 0."""
    return int(program["creates"] in world["files"])


def missing(program: str) -> dict[str, Any]:
    """That it cannot be run."""
    return {
        "class": "transient",
        "code": "command_not_found",
        "message": f"{program} is not there",
        "subjects": [f"path:{program}"],
    }
