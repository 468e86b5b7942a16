"""A Timer on a real host: what systemd makes of its files, and what a program gets of its command."""

import base64
import json

import pytest

from tests.e2e.lab import on, target
from tests.e2e.site import instance, until

pytestmark = pytest.mark.lab

WORDS = (
    *(
        "",
        " ",
        "a b",
        "$HOME",
        "${HOME}",
        "$$",
        "100%",
        "%h %n",
        '"',
        "'",
        "it's",
        "\\",
        "\\n",
        "a\\",
        ";",
        "&&",
        "#",
    ),
    *("-x", "é→", "*", "~", "{}", "a\tb", "@a", "=", "!"),
)
"""Each means something to systemd or to a shell, or looks as if it did."""
SHOW = "/usr/local/bin/show words"
SCRIPT = """#!/bin/sh
{ printf '%s\\0' "$@"; printf '%s\\0' "$WORD" "$(id -un)"; } >/run/words.tmp
mv /run/words.tmp /run/words
"""


def written(word):
    """As it is written in a manifest, where ${ begins an expression."""
    return word.replace("${", "$${")


def timer(name, host, **spec):
    document = instance("Timer", name, "", **on(host), **spec)
    del document["spec"]["path"]
    document["spec"]["name"] = name
    return document


def clean(host):
    host.exec(
        "systemctl disable --now -q words.timer poll.timer;"
        " rm -rf /etc/systemd/system/words.* /etc/systemd/system/poll.* '/usr/local/bin/show words' /run/words;"
        " systemctl daemon-reload; systemctl reset-failed",
        check=False,
    )


@pytest.fixture
def host(lab):
    """A host without timers of ours, before and after."""
    found = lab.host("h1")
    clean(found)
    yield found
    clean(found)


def shown(host, unit, field):
    return host.exec(f"systemctl show -P {field} {unit}", check=False)


def test_a_program_gets_its_words_to_the_byte_and_the_timer_is_kept(lab, site, host):
    host.exec(f"echo {base64.b64encode(SCRIPT.encode()).decode()} | base64 -d >'{SHOW}'; chmod 755 '{SHOW}'")
    word = "".join(one for one in WORDS if one != "a\tb")
    words = timer(
        "words", host, every="1h", user="root",
        command=[SHOW, *map(written, WORDS)], environment={"WORD": written(word)},
        schedule="Mon..Fri 02:30", persistent=True, randomizedDelay="10min", accuracy="1s",
    )  # fmt: skip
    bad = timer("poll", host, schedule="when it rains", command=["/bin/true"])
    site.declare(target(lab, host), words, bad)
    said = site.apply(check=False)
    assert "'when it rains' means nothing to systemd (Failed to parse calendar" in said.stdout
    assert "poll" not in host.exec("ls /etc/systemd/system")
    bad["spec"]["schedule"] = "daily"
    del bad["spec"]["command"]
    bad["spec"]["unit"] = "words.service"
    site.declare(target(lab, host), words, bad)
    site.apply()
    assert "nothing to do" in site.apply().stdout
    assert host.exec("systemctl is-active words.timer poll.timer").split() == ["active", "active"]
    assert host.exec("systemd-analyze verify words.timer words.service poll.timer 2>&1", check=False) == ""
    assert shown(host, "words.timer", "Persistent") == "yes"
    host.exec("systemctl start words.service")
    got = json.loads(
        host.exec("python3 -c 'import json; print(json.dumps(open(\"/run/words\").read().split(chr(0))))'")
    )
    assert got == [*WORDS, word, "root", ""]

    daemon = site.up()
    daemon.until_ready(2)
    last = daemon.last_event()
    host.ssh("systemctl stop words.timer")
    until("it runs again", lambda: shown(host, "words.timer", "ActiveState") == "active")
    host.exec("systemctl disable -q words.timer")
    until("it is enabled", lambda: host.exec("systemctl is-enabled words.timer", check=False) == "enabled")
    host.exec("echo OnCalendar=hourly >>/etc/systemd/system/words.timer; systemctl daemon-reload")
    until("the schedule is back", lambda: "hourly" not in shown(host, "words.timer", "TimersCalendar"))
    until("it is told", lambda: len(daemon.events(after=last, reason="Repaired")) >= 3)
    daemon.until_ready(2)
    assert shown(host, "words.timer", "NeedDaemonReload") == "no"
    assert daemon.terminate() == 0

    for one in (words, bad):
        one["spec"]["state"] = "absent"
    site.declare(target(lab, host), words, bad)
    site.apply()
    assert (
        host.exec(
            "systemctl list-unit-files -q 'words.*' 'poll.*'; ls /etc/systemd/system | grep -e words -e poll",
            check=False,
        )
        == ""
    )
