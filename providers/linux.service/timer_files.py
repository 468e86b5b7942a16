"""The two files of a Timer: what is written to them, and what they mean to systemd.

Invariant: what stands in `command` and `environment` is what the program gets, to the byte: a specifier, a variable
or a quotation mark in it means nothing to systemd.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, TypeAlias

from froyo_provider import PermanentError

if TYPE_CHECKING:
    from freshness import Json

Lines: TypeAlias = "list[tuple[str, str]]"
"""Settings of a section, each with its value."""

HEAD = "# Kept by OpenFroyo: what is changed here is put back."
_PLAIN = re.compile(r"[A-Za-z0-9_./:=,@+-]+")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TIME = re.compile(
    r"(\d+(\.\d+)?\s*(usec|us|msec|ms|seconds|second|sec|s|minutes|minute|min|months|month|m|M|hours|hour|hr|h"
    r"|days|day|d|weeks|week|w|years|year|y)?\s*)+"
)
_REMARKS = frozenset({("Unit", "Description"), ("Unit", "Documentation")})
_ESCAPES = {'"': '\\"', "\\": "\\\\", "%": "%%"}
_SPANS = {"every": "OnUnitActiveSec", "boot": "OnBootSec", "randomizedDelay": "RandomizedDelaySec"}
_SPANS["accuracy"] = "AccuracySec"


def timer_text(spec: Json) -> str:
    """The file of the timer.

    Raises:
        PermanentError: systemd would not take it, or not as it is meant.
    """
    settings: Lines = []
    if "schedule" in spec:
        settings.append(("OnCalendar", one_line("schedule", spec["schedule"]).replace("%", "%%")))
    if "every" in spec:
        # By itself it would count from a run that there has not been yet.
        settings.append(("OnActiveSec", span("every", spec["every"])))
    settings += [(name, span(field, spec[field])) for field, name in _SPANS.items() if field in spec]
    if spec.get("persistent"):
        if "schedule" not in spec:
            raise PermanentError(
                "persistent: only runs of a `schedule` can be missed; `boot` runs it after a boot"
            )
        settings.append(("Persistent", "true"))
    settings.append(("Unit", spec.get("unit") or f"{spec['name']}.service"))
    return unit_text(
        f"When {settings[-1][1]} runs", ("Timer", settings), ("Install", [("WantedBy", "timers.target")])
    )


def service_text(spec: Json) -> str | None:
    """The file of the service that it starts; None where that is somebody else's.

    Raises:
        PermanentError: as for the timer.
    """
    if "command" not in spec:
        return None
    program, *arguments = [one_line("command", word) for word in spec["command"]]
    if not program.startswith("/"):
        # What begins in another way may mean something to systemd, such as that its failure is none.
        raise PermanentError(f"command: {program!r} is no absolute path of a program")
    if "$" in program:
        # What systemd does to variables it does not do in the name of the program, so that it cannot be quoted there.
        raise PermanentError(f"command: systemd starts no program with a $ in its name, as {program} has")
    words = [quoted(program), *(quoted(word.replace("$", "$$")) for word in arguments)]
    settings = [("Type", "oneshot"), ("ExecStart", " ".join(words))]
    if "user" in spec and "scope" not in spec:  # the manager of a user does all as that user
        settings.append(("User", spec["user"]))
    for name, value in sorted(spec.get("environment", {}).items()):
        if not _NAME.fullmatch(name):
            raise PermanentError(f"environment: {name!r} is no name of a variable")
        settings.append(("Environment", quoted(f"{name}={one_line('environment', value)}")))
    return unit_text(f"What {spec['name']}.timer runs", ("Service", settings))


def unit_text(description: str, *sections: tuple[str, Lines]) -> str:
    """A file of systemd's."""
    blocks = [[HEAD, "[Unit]", f"Description={description}"]]
    blocks += [[f"[{name}]", *(f"{key}={value}" for key, value in settings)] for name, settings in sections]
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def quoted(word: str) -> str:
    """A word as systemd takes it in a list of words."""
    if _PLAIN.fullmatch(word):
        return word
    return '"' + "".join(_ESCAPES.get(one, one) for one in word).replace("\t", "\\t") + '"'


def one_line(field: str, text: str) -> str:
    """A text that can stand in a file of systemd's.

    Raises:
        PermanentError: it cannot.
    """
    for one in text:
        if (one < " " and one != "\t") or one == "\x7f" or "\ud800" <= one <= "\udfff":
            what = "a newline" if one == "\n" else f"the character {one!a}"
            raise PermanentError(f"{field}: {what} cannot stand there; put it into a script, and run that")
    return text


def span(field: str, text: str) -> str:
    """A time span as systemd takes it.

    Raises:
        PermanentError: it is none.
    """
    if not _TIME.fullmatch(text):
        raise PermanentError(f"{field}: {text!r} is no time span, such as 90s, 15min, 1h 30min or 2d")
    return text.strip()


def meaning(text: str) -> dict[str, Lines] | None:
    """What such a file says to systemd, whatever stands in it for people; None where that is not simple to say."""
    sections: dict[str, Lines] = {}
    section = ""
    for line in map(str.strip, text.split("\n")):
        if not line or line[0] in "#;":
            continue
        if line[0] == "[" and line[-1] == "]":
            section = line[1:-1]
            continue
        key, equals, value = (part.strip() for part in line.partition("="))
        if not equals or not value or line[-1] == "\\":
            return None
        if (section, key) not in _REMARKS:
            sections.setdefault(section, []).append((key, value))
    return {name: sorted(settings) for name, settings in sections.items()}


def body_of(text: str) -> Json:
    """A text as a diff shows it."""
    content = text.encode()
    return {"digest": "sha256:" + hashlib.sha256(content).hexdigest(), "size": len(content), "text": text}
