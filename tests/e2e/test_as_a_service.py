"""The unit that comes with froyo, under a real systemd: ready, how it is, its journal, its watchdog, its end."""

import importlib.metadata
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import froyo_provider
import reconciler
import watchers
from tests.e2e.site import until

pytestmark = [pytest.mark.e2e, pytest.mark.lab]

REPOSITORY = Path(__file__).parents[2]
SITE = """\
apiVersion: froyo.dev/v1alpha1
kind: Target
metadata: {name: here}
spec: {local: {}}
---
apiVersion: linux.froyo.dev/v1alpha1
kind: File
metadata: {name: kept}
spec: {target: here, path: /etc/kept-by-froyo, content: "kept\\n", mode: "0644"}
"""


def install(root):
    """What `pip install` of the wheel and its lock would put below /opt/openfroyo, from what is installed here."""
    base = root / "opt/openfroyo"
    packages = base / "lib" / f"python3.{sys.version_info.minor}" / "site-packages"
    (base / "bin").mkdir(parents=True)
    (base / "pyvenv.cfg").write_text("home = /usr/bin\n")
    (base / "bin/python3").symlink_to("/usr/bin/python3")
    shutil.copy(REPOSITORY / "reconciler/cli/froyo.sh", base / "bin/froyo")
    (base / "bin/froyo").chmod(0o755)
    for package in (reconciler, watchers, froyo_provider):
        source = Path(package.__path__[0])
        shutil.copytree(source, packages / source.name, ignore=shutil.ignore_patterns("__pycache__"))
    lock = subprocess.run(
        [sys.executable, ".ci/lock", "runtime", "constraints.txt", "openfroyo"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in re.findall(r"(?m)^([A-Za-z0-9_.-]+)==", lock):
        try:
            files = importlib.metadata.files(name) or []
        except importlib.metadata.PackageNotFoundError:  # of another platform
            continue
        for file in files:
            if ".." not in file.parts and "__pycache__" not in file.parts:
                (packages / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file.locate(), packages / file)
    shutil.copytree(REPOSITORY / "build/provider-cache", root / "var/cache/froyo", dirs_exist_ok=True)


@pytest.fixture
def host(lab):
    found = lab.host("h1")
    minor = found.exec("python3 -c 'import sys; print(sys.version_info.minor)'")
    if int(minor) != sys.version_info.minor:
        pytest.skip(f"the host has Python 3.{minor}, and what is installed here is for another one")
    install(found.path)
    (found.path / "etc/froyo").mkdir()
    (found.path / "etc/froyo/site.yaml").write_text(SITE)
    shutil.copy(
        REPOSITORY / "manifests/systemd/froyo.service", found.path / "etc/systemd/system/froyo.service"
    )
    dropin = found.path / "etc/systemd/system/froyo.service.d/soon.conf"
    dropin.parent.mkdir()
    dropin.write_text("[Service]\nWatchdogSec=5\nTimeoutStartSec=300\n")
    yield found
    found.exec("systemctl stop froyo; journalctl -u froyo -o cat", check=False)
    found.exec(
        "rm -rf /opt/openfroyo /etc/froyo /etc/systemd/system/froyo.service* /var/lib/froyo /var/cache/froyo "
        "/etc/kept-by-froyo; systemctl daemon-reload; systemctl reset-failed froyo",
        check=False,
    )


def shown(host, name):
    return host.exec(f"systemctl show froyo -p {name} --value")


def entries(host, *match):
    lines = host.exec(f"journalctl -o json --no-pager {' '.join(match)}").splitlines()
    return [json.loads(line) for line in lines]


def test_systemd_knows_it_ready_sees_how_it_is_and_ends_it_when_it_hangs(host):
    host.exec("systemctl daemon-reload; systemctl start froyo")  # returns when it is ready
    assert shown(host, "SubState") == "running"
    assert json.loads(host.exec("curl -s --unix-socket /var/lib/froyo/froyo.sock http://x/v1/healthz"))[
        "pid"
    ] == int(shown(host, "MainPID"))
    kept = host.path / "etc/kept-by-froyo"
    until("the file is there", kept.exists, patience=240)
    until("the status says so", lambda: "1 targets, 1 connected" in shown(host, "StatusText"))

    kept.write_text("spoiled\n")
    until("it is put back", lambda: kept.read_text() == "kept\n")
    [repaired] = until("it is in the journal", lambda: entries(host, "FROYO_REASON=Repaired"))
    assert repaired["FROYO_ADDRESS"] == "here/File/kept"
    assert repaired["FROYO_TARGET"] == "here"
    assert repaired["FROYO_CAUSE"] == "drift"
    assert repaired["_SYSTEMD_UNIT"] == "froyo.service"
    history = host.exec("FROYO_STATE=/var/lib/froyo /opt/openfroyo/bin/froyo history -o json")
    assert repaired["FROYO_RECONCILE"] in {run["id"] for run in json.loads(history)["items"]}
    events = host.exec("FROYO_STATE=/var/lib/froyo /opt/openfroyo/bin/froyo events --cause drift -o json")
    assert [one["data"]["reconcile"] for one in json.loads(events)["items"]] == [repaired["FROYO_RECONCILE"]]

    hung = shown(host, "MainPID")
    host.exec(f"kill -STOP {hung}")
    until("systemd has started it again", lambda: shown(host, "MainPID") not in {hung, "0"}, patience=60)
    until("which is ready", lambda: shown(host, "SubState") == "running", patience=60)
    assert "watchdog" in host.exec("journalctl -u froyo -o cat --no-pager").lower()

    host.exec("systemctl stop froyo")
    assert (shown(host, "Result"), shown(host, "ActiveState")) == ("success", "inactive")
    assert not (host.path / "var/lib/froyo/froyo.sock").exists()
