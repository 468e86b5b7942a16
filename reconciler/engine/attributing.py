"""Who has changed something, as it is said to people: as far as it is known, and nothing that could pass for more."""

from __future__ import annotations

import re

from reconciler.model.evidence import Evidence

COMMAND_MAX = 200
"""Characters of a command line that are said."""

_RUNNER = re.compile(r" serve --sha256 [0-9a-f]{64} --signature ")
"""How a runner is started. Our own is no evidence of a change by others, so such a one is somebody else's."""


def who(evidence: Evidence | None) -> str:
    """Such as "by `vim /etc/motd` (pid 4711, alice as root, session-3.scope)"; "" when nothing is known.

    What somebody ran says more to a person than the program that this led to: "by `apt-get remove jq` (dpkg, pid 7)".
    """
    if evidence is None or (not evidence.command and evidence.pid is None):
        return ""
    command = evidence.began or evidence.command
    command = command.replace("`", "'")  # its own word, and it may not end the quotation
    if len(command) > COMMAND_MAX:
        command = command[: COMMAND_MAX - 1] + "…"
    led_to = evidence.command.split(" ")[0].rpartition("/")[2].replace("`", "'")[:COMMAND_MAX]
    details = [led_to] if evidence.began and led_to else []
    if evidence.pid is not None:
        details.append(f"pid {evidence.pid}")
    if evidence.ended:
        details.append("ended")
    if evidence.login and evidence.login != evidence.user:
        details.append(f"{evidence.login} as {evidence.user}" if evidence.user else evidence.login)
    elif evidence.user:
        details.append(evidence.user)
    if evidence.session:
        details.append(evidence.session)
    elif evidence.unit:
        details.append(evidence.unit)
    if _RUNNER.search(evidence.command):
        return "by another OpenFroyo controller" + (f" ({', '.join(details)})" if details else "")
    if not command:
        return f"by {', '.join(details)}"
    return f"by `{command}`" + (f" ({', '.join(details)})" if details else "")
