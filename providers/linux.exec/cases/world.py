"""The world of the cases: programs that there are, and what each does when it is run.

    programs: {/usr/bin/make-index: {exit: 0, creates: /srv/index, stdout: "…"}, …}
    kernel: {landlock: false}       # where a check cannot be confined
"""

import base64

from froyo_provider import CallError


def answer(world, call, args):
    """What the runner answers."""
    argv = args["argv"]
    program = world.get("programs", {}).get(argv[0])
    if call == "exec.look":
        return {"obstacles": [] if program else [missing(argv[0])]}
    if program is None:
        raise CallError(call, missing(argv[0]))
    if call == "exec.check" and not world.get("kernel", {}).get("landlock", True):
        raise CallError(call, {"class": "permanent", "code": "not_supported", "message": "there is no Landlock"})
    if call in ("exec.check", "exec.check.unconfined"):
        return {"exit": program.get("exit", 0) if "creates" not in program else 1 - there(world, program)}
    if program.get("exit", 0) == 0 and "creates" in program:
        world["files"][program["creates"]] = {"content": "made\n"}
    said = base64.b64encode(program.get("stdout", "").encode()).decode()
    return {"exit": program.get("exit", 0), "signal": None, "stdout": said, "stderr": "", "truncated": False}


def there(world, program):
    """Whether what it makes is there: 1 or 0."""
    return int(program["creates"] in world["files"])


def missing(program):
    """That it cannot be run."""
    return {
        "class": "transient",
        "code": "command_not_found",
        "message": f"{program} is not there",
        "subjects": [f"path:{program}"],
    }
