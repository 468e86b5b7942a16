"""ssh's configuration: the hosts that it has a name for, and how they are reached.

Invariant: as with ssh, of an option that several sections have for a host the first one counts. What would have a host
be reached in another way than ssh does is an error; what is not known at all is said.
"""

from __future__ import annotations

import fnmatch
import re
import shlex
from collections.abc import Iterator
from typing import Any, NamedTuple

from reconciler.config.inventory.ansible import FoundHost
from reconciler.config.inventory.groups import Say
from reconciler.documents.text import FileText

_LINE = re.compile(r"\s*([A-Za-z0-9]+)(?:\s*=\s*|\s+)(.*?)\s*")
_WILD = frozenset("*?!")

_TEXT = {
    "hostname": "host",
    "user": "user",
    "identityfile": "identityFile",
    "userknownhostsfile": "knownHosts",
    "proxyjump": "proxyJump",
}
_NUMBERS = {"port": "port", "connecttimeout": "connectTimeout", "serveraliveinterval": "keepaliveInterval"}
_REFUSED = {
    "match": "write its options into sections of Host",
    "include": "write what is in that file here",
    "proxycommand": "name the hosts on the way with ProxyJump",
    "hostkeyalias": "give the Target a hostKey",
    "certificatefile": "use a key that the host knows",
    "pkcs11provider": "use a key of the agent",
    "securitykeyprovider": "use a key of the agent",
    "canonicalizehostname": "write the whole HostName",
    "localcommand": "declare an Exec",
    "remotecommand": "take it out",
}
_NOTHING = frozenset(
    {
        "addkeystoagent",
        "addressfamily",
        "batchmode",
        "ciphers",
        "compression",
        "connectionattempts",
        "controlmaster",
        "controlpath",
        "controlpersist",
        "dynamicforward",
        "escapechar",
        "exitonforwardfailure",
        "fingerprinthash",
        "forwardagent",
        "forwardx11",
        "forwardx11timeout",
        "forwardx11trusted",
        "gatewayports",
        "gssapiauthentication",
        "hashknownhosts",
        "hostkeyalgorithms",
        "identitiesonly",
        "identityagent",
        "ipqos",
        "kbdinteractiveauthentication",
        "kexalgorithms",
        "localforward",
        "loglevel",
        "macs",
        "nohostauthenticationforlocalhost",
        "numberofpasswordprompts",
        "passwordauthentication",
        "preferredauthentications",
        "pubkeyauthentication",
        "rekeylimit",
        "remoteforward",
        "requesttty",
        "sendenv",
        "serveralivecountmax",
        "setenv",
        "streamlocalbindmask",
        "streamlocalbindunlink",
        "tcpkeepalive",
        "updatehostkeys",
        "usekeychain",
        "visualhostkey",
        "xauthlocation",
    }
)
"""What says how a person works on a host, or is negotiated anyway."""


class _Section(NamedTuple):
    patterns: tuple[str, ...]
    at: int
    options: dict[str, tuple[str, int]]


def read_ssh_config(file: FileText, wanted: tuple[str, ...], say: Say, warn: Say) -> list[FoundHost]:
    """The hosts that a file names, in order; those that one of the globs of `wanted` is for, where there are any."""
    sections = [*_sections(file, say)]
    # Most name hosts as they are: going over all of them for each host would take for ever with thousands.
    named: dict[str, list[int]] = {}
    wild = {number for number, section in enumerate(sections) if _WILD & set("".join(section.patterns))}
    for number, section in enumerate(sections):
        for name in section.patterns if number not in wild else ():
            named.setdefault(name, []).append(number)
    found: dict[str, FoundHost] = {}
    told: set[int] = set()
    for section in sections:
        for name in section.patterns:
            if _WILD & set(name) or name in found:
                continue
            if wanted and not any(fnmatch.fnmatchcase(name, glob) for glob in wanted):
                continue
            host = found[name] = FoundHost(name, section.at)
            fitting = (number for number in wild if _is_for(sections[number].patterns, name))
            options: dict[str, tuple[str, int]] = {}
            for number in sorted({*named.get(name, ()), *fitting}):
                options = {**sections[number].options, **options}
            for option, (value, index) in options.items():
                _read(host, option, value, index, say, warn if index not in told else _nobody)
                told.add(index)
    for glob in wanted:
        if not any(fnmatch.fnmatchcase(name, glob) for name in found):
            say(0, f"no host here is called {glob}", "a Host with a wildcard names none")
    return [*found.values()]


def _nobody(_index: int, _message: str, _hint: str) -> None:
    """It was said already."""


def _sections(file: FileText, say: Say) -> Iterator[_Section]:
    current = _Section(("*",), 0, {})
    number, end = 1, len(file.text)
    while (start := file.line_start(number)) < end:
        text = file.line(number)
        number += 1
        if not text.strip() or text.strip().startswith("#"):
            continue
        line = _LINE.fullmatch(text)
        index = start + len(text) - len(text.lstrip())
        if line is None:
            say(index, f"{text.strip()!r} is no option", "one is written as Name value")
            continue
        option = line[1].lower()
        try:
            words = shlex.split(line[2])
        except ValueError as error:
            say(index, f"{line[1]} cannot be understood: {error}", "close the quotes")
            continue
        if option == "host":
            yield current
            current = _Section(tuple(words), index, {})
        elif option in _REFUSED:
            say(index, f"{line[1]} is not understood here", _REFUSED[option])
        else:
            current.options.setdefault(option, (words[0] if words else "", index))
    yield current


def _is_for(patterns: tuple[str, ...], name: str) -> bool:
    if any(fnmatch.fnmatchcase(name, one[1:]) for one in patterns if one.startswith("!")):
        return False
    return any(fnmatch.fnmatchcase(name, one) for one in patterns)


def _read(host: FoundHost, option: str, value: str, index: int, say: Say, warn: Say) -> None:
    ssh: dict[str, Any] = host.ssh
    if option in _TEXT:
        if value.lower() != "none":
            ssh[_TEXT[option]] = value.replace("%h", host.name) if option == "hostname" else value
        if "%" in ssh.get(_TEXT[option], ""):
            say(
                index, f"{option}: {value} has a token, and only %h in HostName is understood", "write it out"
            )
    elif option in _NUMBERS:
        if value.isdecimal() and 0 < int(value) < 65536:
            ssh[_NUMBERS[option]] = int(value)
        elif option == "port" or value != "0":  # which is never, or no limit: that is left to the defaults
            say(index, f"{option} is {value!r}, and no whole number from 1 to 65535", "")
    elif option == "stricthostkeychecking":
        if value.lower() == "accept-new":
            ssh["trustOnFirstUse"] = True
        elif value.lower() in {"no", "off"}:
            hint = "accept-new records the key of a host at first contact"
            say(index, "a host whose key is not known is never let pass for the right one", hint)
    elif option not in _NOTHING:
        warn(index, f"the option {option} is not known, and not taken over", "")
