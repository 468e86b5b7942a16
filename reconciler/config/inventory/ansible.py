"""What the variables of an Ansible inventory mean for reaching a host.

Invariant: what would have a host be reached in another way than Ansible does is an error, and what is only not taken
over is said. A password is never repeated.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.config.inventory.groups import ALL, UNGROUPED, Hosts, Say, Variable
from reconciler.core.suggest import did_you_mean

_KEYS = "froyo logs in with keys (identityFile, or the agent), and sudo asks for no password"
_SUDO = "the runner becomes root through sudo, or stays who logs in"

_TRUE, _FALSE = frozenset({"true", "yes", "on", "1"}), frozenset({"false", "no", "off", "0"})

_TEXT = {
    "ansible_host": "host",
    "ansible_ssh_host": "host",
    "ansible_user": "user",
    "ansible_ssh_user": "user",
    "ansible_ssh_private_key_file": "identityFile",
    "ansible_private_key_file": "identityFile",
}
_NUMBERS = {
    "ansible_port": "port",
    "ansible_ssh_port": "port",
    "ansible_timeout": "connectTimeout",
    "ansible_ssh_timeout": "connectTimeout",
}
_PASSWORDS = frozenset(
    {
        "ansible_password",
        "ansible_ssh_pass",
        "ansible_ssh_password",
        "ansible_become_pass",
        "ansible_become_password",
        "ansible_sudo_pass",
        "ansible_ssh_private_key_passphrase",
        "ansible_ssh_private_key",
    }
)
_NOTHING = frozenset(
    {
        "ansible_python_interpreter",
        "ansible_shell_type",
        "ansible_shell_executable",
        "ansible_executable",
        "ansible_pipelining",
        "ansible_ssh_pipelining",
        "ansible_ssh_transfer_method",
        "ansible_remote_tmp",
        "ansible_group_priority",
    }
)
"""What says how Ansible works on a host, and nothing about reaching it."""
_OTHER = ("ansible_connection", "ansible_become", "ansible_become_method", "ansible_become_user")
_ARGUMENTS = ("ansible_ssh_common_args", "ansible_ssh_extra_args", "ansible_ssh_args")
_KNOWN = (*_TEXT, *_NUMBERS, *_OTHER, *_ARGUMENTS, *_NOTHING)


@dataclass(slots=True)
class FoundHost:
    """A host of an inventory, or of ssh's configuration.

    Attributes:
        name: as it is called there.
        index: where it stands.
        groups: those that it is in.
        ssh: how it is reached, in the words of a Target; without a `host` by its name.
        local: it is the machine that froyo runs on.
    """

    name: str
    index: int
    groups: tuple[str, ...] = ()
    ssh: dict[str, Any] = field(default_factory=dict)
    local: bool = False


def found_hosts(hosts: Hosts, say: Say, warn: Say) -> list[FoundHost]:
    """The hosts of an inventory, in order.

    Args:
        hosts: what it says; its groups are no ring.
        say: told of what would have a host be reached in another way.
        warn: told, once each, of variables that are not taken over.
    """
    found = []
    told: set[tuple[str, int]] = set()

    def once(tell: Say) -> Say:
        def one(index: int, message: str, hint: str) -> None:
            if (message, index) not in told:
                told.add((message, index))
                tell(index, message, hint)

        return one

    ancestry = hosts.ancestry()
    foreign: dict[str, int] = {}
    for name, own in hosts.hosts.items():
        groups = ancestry[name]
        variables: dict[str, Variable] = {}
        for group in groups:
            if group in hosts.groups:
                variables.update(hosts.groups[group].variables)
        variables.update(own)
        for variable, value in variables.items():
            if not variable.startswith("ansible_"):
                foreign.setdefault(variable, value.index)
        one = FoundHost(name, hosts.places[name], tuple(g for g in groups if g not in {ALL, UNGROUPED}))
        _Reading(one, once(say), once(warn)).all(variables)
        found.append(one)
    for variable, index in foreign.items():
        warn(
            index,
            f"the variable {variable} is not taken over: an Inventory only says how hosts are reached",
            "give it to them with a Vars, for targets with the labels of their groups",
        )
    return found


class _Reading:
    """One host, as its variables are read."""

    def __init__(self, host: FoundHost, say: Say, warn: Say) -> None:
        self.host, self.say, self.warn = host, say, warn

    def all(self, variables: Mapping[str, Variable]) -> None:
        for name, value in variables.items():
            if name.startswith("ansible_") and name not in _NOTHING:
                self.one(name, value, variables)

    def one(self, name: str, value: Variable, variables: Mapping[str, Variable]) -> None:
        text = value.text
        if name in _PASSWORDS:
            self.say(value.index, f"{name}: no password can be given", _KEYS)
        elif text is None:
            self.say(value.index, f"{name} is neither text nor a number", "")
        elif "{{" in text or "{%" in text:
            self.say(
                value.index, f"{name}: templates of Ansible are not rendered here", "write what it stands for"
            )
        elif name in _TEXT:
            self.host.ssh[_TEXT[name]] = text
        elif name in _NUMBERS:
            self.number(name, value, text)
        elif name in _ARGUMENTS:
            self.arguments(name, value, text)
        elif (read := self._others().get(name)) is not None:
            read(value, text, variables)
        else:
            hint = did_you_mean(name, _KNOWN) or "take it out, and say in the Target what is meant"
            self.say(value.index, f"{name} is not understood", hint)

    def _others(self) -> Mapping[str, Callable[[Variable, str, Mapping[str, Variable]], None]]:
        return {
            "ansible_connection": self.connection,
            "ansible_become": self.become,
            "ansible_become_method": self.method,
            "ansible_become_user": self.become_user,
        }

    def number(self, name: str, value: Variable, text: str) -> None:
        if text.isdecimal() and 0 < int(text) < 65536:
            self.host.ssh[_NUMBERS[name]] = int(text)
        else:
            self.say(value.index, f"{name} is {text!r}, and no whole number from 1 to 65535", "")

    def connection(self, value: Variable, text: str, _: Mapping[str, Variable]) -> None:
        if text == "local":
            self.host.local = True
        elif text not in {"ssh", "smart", "paramiko", "paramiko_ssh"}:
            self.say(
                value.index,
                f"ansible_connection is {text!r}; hosts are reached over ssh, or are this one",
                "",
            )

    def become(self, value: Variable, text: str, _: Mapping[str, Variable]) -> None:
        if text.lower() in _TRUE:
            self.host.ssh["become"] = "sudo"
        elif text.lower() in _FALSE:
            self.host.ssh["become"] = ""
        else:
            self.say(value.index, f"ansible_become is {text!r}; it can be true or false", "")

    def method(self, value: Variable, text: str, _: Mapping[str, Variable]) -> None:
        if text != "sudo":
            self.say(value.index, f"ansible_become_method is {text!r}", _SUDO)

    def become_user(self, value: Variable, text: str, _: Mapping[str, Variable]) -> None:
        if text != "root":
            self.say(value.index, f"ansible_become_user is {text!r}", _SUDO)

    def arguments(self, name: str, value: Variable, text: str) -> None:
        try:
            words = iter(shlex.split(text))
        except ValueError as error:
            self.say(value.index, f"{name} cannot be understood: {error}", "close the quotes")
            return
        for word in words:
            option, argument = word[:2], word[2:]
            if option in {"-J", "-o"} and not argument:
                argument = next(words, "")
            key, _, given = argument.replace(" ", "=", 1).partition("=") if option == "-o" else ("", "", "")
            if option == "-J" and argument:
                self.host.ssh["proxyJump"] = argument
            elif key.lower() == "proxyjump" and given:
                self.host.ssh["proxyJump"] = given
            elif (key.lower(), given.lower()) == ("stricthostkeychecking", "accept-new"):
                self.host.ssh["trustOnFirstUse"] = True
            elif key.lower() in {"controlmaster", "controlpath", "controlpersist"}:
                continue  # there is one connection to a host, which is kept
            else:
                self.say(
                    value.index,
                    f"{name}: {word if option != '-o' else f'-o {argument}'} is not understood",
                    "understood are -J, -o ProxyJump and -o StrictHostKeyChecking=accept-new",
                )
