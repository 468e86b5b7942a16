"""What is said of a command line that cannot be parsed: in the words of all other errors, not in the parser's.

Invariant: it is one sentence that names what was typed and what may be typed instead. The exit status is 1, as of every
other error: 2 says that there are changes.
"""

from __future__ import annotations

import re
from typing import Any

from reconciler.cli.habits import OPTIONS
from reconciler.cli.help import name, option_name, usage
from reconciler.core.suggest import did_you_mean

_EXTRA = re.compile(r"extra arguments?(?:\(s\))? \((.*)\)\s*$", re.DOTALL)


def sentence(error: Any, path: str, command: Any) -> str:
    """What is wrong with a command line.

    Args:
        error: what the parser said.
        path: what was typed to call the command, such as `froyo get`.
        command: as the parser knows it.
    """
    told = _told(error, command) or str(error.format_message()).rstrip(".")
    return f"{told}; {_end(error, path, command)}"


def _told(error: Any, command: Any) -> str:
    parameter = getattr(error, "param", None)
    match type(error).__name__:
        case "NoSuchOption":
            known = [one for option in command.params for one in option.opts if one.startswith("--")]
            hint = OPTIONS.get(error.option_name) or did_you_mean(error.option_name, known)
            return f"there is no option {error.option_name}" + (f"; {hint}" if hint else "")
        case "BadOptionUsage":
            option = next((one for one in command.params if error.option_name in one.opts), None)
            if option is None or not option.metavar:
                return f"{error.option_name} takes no value"
            return f"{error.option_name} takes a value: {error.option_name} {option.metavar}"
        case "MissingParameter" if parameter is not None:
            meaning = (parameter.help or "").rstrip(".")
            what = (
                name(parameter)
                if parameter.param_type_name == "argument"
                else f"{option_name(parameter)} {parameter.metavar}"
            )
            return f"{what} is missing" + (f": {meaning[:1].lower()}{meaning[1:]}" if meaning else "")
        case "UsageError" if found := _EXTRA.search(error.format_message()):
            selects = any(one.name == "what" for one in command.params)
            joined = "; a kind and a name are written File/motd" if selects else ""
            return f"{found[1]!r} is more than it takes{joined}"
    return ""


def _end(error: Any, path: str, command: Any) -> str:
    if type(error).__name__ in ("MissingParameter", "UsageError"):
        return f"it is: {usage(path, command)}"
    return f"see: {path} --help"
