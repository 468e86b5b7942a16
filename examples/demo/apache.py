"""The demo on four hosts: `examples/apache` from nothing to a served page, and what becomes of those who spoil it.

The hosts are those of the tests (`tests/lab/hosts`): whole Debian systems in containers of this machine. They are
thrown away at the end.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from examples.demo.stage import Daemon, Failed, froyo, heading, paint, remark, say, show

ROOT = Path(__file__).resolve().parents[2]
LAB = ROOT / "tests" / "lab" / "hosts"
LAB_DIR = Path(os.environ.get("LAB_DIR", "/var/tmp/froyo-lab"))  # noqa: S108 - only the lab itself writes there
DEMO = ROOT / "build" / "demo"
SITE, STATE, LOG = DEMO / "declared", DEMO / "state", DEMO / "daemon.log"
NAMES = ("web-1", "web-2", "web-3", "web-4")
PORTS = {"web-1": 8080, "web-2": 8082, "web-3": 8083, "web-4": 8084}
INSTANCES = 36

Host = dict[str, Any]


def lab(*arguments: str) -> subprocess.CompletedProcess[str]:
    """A command of the lab, to its end."""
    return subprocess.run([str(LAB), *arguments], check=False, capture_output=True, text=True)


def impossible() -> str:
    """Why this machine cannot have such hosts, or ""."""
    if os.geteuid() != 0:
        return "hosts need root"
    checked = lab("check")
    return checked.stderr.strip().removeprefix("hosts: ") if checked.returncode else ""


def boot() -> dict[str, Host]:
    """Four clean hosts, by the names that the example has for them."""
    done = subprocess.run([str(LAB), "up", str(len(NAMES))], check=False, stdout=subprocess.DEVNULL)
    if done.returncode:
        raise Failed("the hosts do not boot")
    inventory = json.loads(lab("ssh-config", "--json").stdout)
    hosts = dict(zip(NAMES, inventory["hosts"], strict=False))
    with ThreadPoolExecutor(len(hosts)) as pool:
        if any(done.returncode for done in pool.map(lambda host: lab("reset", host["name"]), hosts.values())):
            raise Failed("the hosts do not boot clean")
    for host in hosts.values():
        host |= {key: inventory[key] for key in ("identity_file", "known_hosts")}
    return hosts


def declare(hosts: dict[str, Host]) -> None:
    """The example, with these hosts in the place of its own."""
    shutil.rmtree(DEMO, ignore_errors=True)
    shutil.copytree(ROOT / "examples" / "apache", SITE)
    STATE.mkdir(mode=0o700)
    targets = [
        {
            "apiVersion": "froyo.dev/v1alpha1",
            "kind": "Target",
            "metadata": {"name": name, "labels": {"role": "web"}},
            "spec": {
                "ssh": {
                    "host": host["address"],
                    "user": "ops",
                    "become": "sudo",
                    "identityFile": host["identity_file"],
                    "knownHosts": host["known_hosts"],
                }
            },
        }
        for name, host in hosts.items()
    ]
    (SITE / "targets.yaml").write_text("\n---\n".join(map(json.dumps, targets)), encoding="utf-8")


def run(*arguments: str) -> float:
    """A froyo command for everybody to see; the seconds that it took."""
    say(
        f"  {paint('32', '$')} froyo {' '.join(os.path.relpath(one) if '/' in one else one for one in arguments)}"
    )
    began = time.monotonic()
    done = subprocess.run(
        froyo(*arguments),
        env={**os.environ, "FROYO_STATE": str(STATE)},
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    lines = [
        line for line in done.stdout.splitlines() if not line.startswith(NAMES) or line.startswith("web-1, ")
    ]
    for line in lines:
        say(f"  {line}")
    if done.returncode:
        raise Failed(f"froyo {arguments[0]} ended with {done.returncode}")
    return time.monotonic() - began


def page(name: str, host: Host) -> str:
    """The heading of what a host serves."""
    with urllib.request.urlopen(f"http://{host['address']}:{PORTS[name]}/", timeout=10) as answer:
        return str(answer.read().decode()).split("<h1>")[1].split("</h1>")[0]


def pages(hosts: dict[str, Host]) -> None:
    """What is served, as anybody sees it."""
    for name, host in hosts.items():
        remark(f"http://{host['address']}:{PORTS[name]}/  →  {page(name, host)}")


def somebody(host: Host, command: str) -> None:
    """Somebody logs into a host and types something."""
    say(f"  {paint('31', '#')} {command}")
    lab("ssh", host["name"], command)


def seen(daemon: Daemon, wanted: Callable[[dict[str, Any]], bool], number: int = 1) -> None:
    """Show events until so many have come."""
    for event in daemon.events(wanted):
        show(event, event["object"])
        number -= 1
        if not number:
            return


def story(hosts: dict[str, Host]) -> None:
    """What there is to see."""
    heading("froyo apply: from nothing to a page on four hosts")
    took = run("apply", str(SITE))
    pages(hosts)
    remark(f"{took:.1f} s, most of it apt's own")
    heading("once more")
    remark(f"{run('apply', str(SITE)):.1f} s")

    heading("froyo up, and a line of a manifest is changed")
    daemon = Daemon(SITE, STATE, LOG)
    try:
        daemon.follow()
        daemon.run("wait", "--timeout", "60s")
        variables = SITE / "vars.yaml"
        variables.write_text(
            variables.read_text(encoding="utf-8").replace("webmaster@", "boss@"), encoding="utf-8"
        )
        seen(daemon, lambda event: event["reason"] == "Refreshed", 3)
        remark("three hosts have that value, and reloaded once; web-4 has one of its own")

        heading("somebody stops the service")
        somebody(hosts["web-1"], "systemctl stop apache2")
        seen(
            daemon, lambda event: event["reason"] == "Repaired" and event["object"] == "web-1/Service/apache"
        )
        heading("somebody removes the package")
        somebody(hosts["web-2"], "apt-get remove -y apache2")
        seen(
            daemon, lambda event: event["reason"] == "Repaired" and event["object"] == "web-2/Package/apache"
        )
        daemon.run("wait", "--timeout", "60s")
        pages(hosts)
    finally:
        daemon.stop()


def main() -> int:
    """The demo, from no host to no host."""
    say(paint("1", "OpenFroyo keeps machines as they are declared."))
    say(
        "Four Debian hosts are booted on this machine (the first time they are built, which takes some minutes) …"
    )
    LAB_DIR.mkdir(parents=True, exist_ok=True)
    with (LAB_DIR / "tests.lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)  # the tests' own, if there are any
        try:
            hosts = boot()
            declare(hosts)
            say(
                f"declared in  {os.path.relpath(SITE)}/, which is examples/apache with these hosts' addresses"
            )
            story(hosts)
        except (Failed, OSError, subprocess.CalledProcessError) as error:
            say()
            say(paint("31", f"The demo failed: {error}"))
            if LOG.exists():
                say(LOG.read_text(encoding="utf-8", errors="replace")[-2000:])
            return 1
        finally:
            lab("down")
    say()
    say(
        f"  The hosts are gone. What was declared is in {os.path.relpath(SITE)}/; what they were made of is kept"
    )
    say(f"  in {LAB_DIR} for the next time: tests/lab/hosts purge removes it.")
    return 0
