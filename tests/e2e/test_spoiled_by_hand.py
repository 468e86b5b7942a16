"""What people do by hand to hosts that are kept: right again, or a condition that says why not, and who it was.

One row for each thing that is spoiled, on each host. A person is logged in as `ops`, and becomes root with sudo.
"""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.e2e.lab import on, target
from tests.e2e.site import Daemon, Document, Site, instance, until
from tests.lab.fixture import Host, Lab

pytestmark = [pytest.mark.lab, pytest.mark.e2e]

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMDpm3sB550AmpzdEO0Bag7Un1qJTMZSVVAzJB4umwZQ"
OTHER_KEY = KEY.replace("umwZQ", "umwZA")
BASE = "/srv/spoiled"
KEYS = "/home/spoiled/.ssh/authorized_keys"
UNIT = "/etc/systemd/system/spoiled-beat.service"
DROP_IN = "/etc/systemd/system/nginx.service.d/limits.conf"
BEAT = "[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n"
BEFORE = f"""
mkdir -p {BASE}; printf 'Port 22\\n# end\\n' >{BASE}/app.conf; printf '127.0.0.1 here\\n' >{BASE}/names
mountpoint -q /proc/sys/net || mount --bind /proc/sys/net /proc/sys/net; mount -o remount,rw,bind /proc/sys/net
systemctl reset-failed; systemctl unmask nginx; systemctl enable --now nginx
"""
AFTER = f"""
systemctl stop spoiled-thief; systemctl disable --now spoiled-beat.service; umount {BASE}/mnt
rm -rf {UNIT} /etc/systemd/system/nginx.service.d /etc/cron.d/spoiled /etc/sysctl.d/*net.ipv4.ip_forward*
sed -i '\\:{BASE}:d' /etc/fstab; systemctl daemon-reload
systemctl unmask nginx; systemctl enable --now nginx; sysctl -q -w net.ipv4.ip_forward=0; umount /proc/sys/net
userdel -r spoiled; groupdel spoiled-team; rm -rf {BASE}
export DEBIAN_FRONTEND=noninteractive; dpkg --configure -a; apt-get purge -y -q lab-app jq
apt-get autoremove -y -q --purge
"""


def linux(kind: str, called: str, /, **spec: object) -> Document:
    document = instance(kind, called, "")
    document["spec"] = spec
    return document


def declared(host: Host) -> list[Document]:
    """All that is kept on a host. The first has the older of two versions of a package, all others the newer."""
    where = on(host)
    old = host.name == "h1"
    limits = "[Service]\nLimitNOFILE=4096\n"
    runs = {"state": "running", "startup": "enabled", "settle": 0, **where}
    return [
        linux("Package", "jq", package="jq", **where),
        linux("Package", "app", package="lab-app", version="<2" if old else ">=2", **where),
        linux("Unit", "beat", unit="spoiled-beat.service", content=BEAT, **where),
        linux("Unit", "limits", extends="nginx.service", dropIn="limits", content=limits, **where),
        linux("Service", "beat", unit="spoiled-beat.service", **runs),
        linux("Service", "nginx", unit="nginx.service", **runs),
        instance("File", "vhost", f"{BASE}/vhost.conf", content="server a;\n", mode="0644", **where),
        instance("Line", "port", f"{BASE}/app.conf", line="Port 2222", match="^Port ", **where),
        instance("Block", "names", f"{BASE}/names", content="10.0.0.1 db\n10.0.0.2 web\n", **where),
        linux("Group", "team", name="spoiled-team", **where),
        linux(
            "User", "person", name="spoiled", groups=["spoiled-team"], shell="/bin/sh", comment="A B", **where
        ),
        linux("AuthorizedKey", "laptop", user="spoiled", keys=[f"{KEY} laptop"], **where),
        linux("Sysctl", "forward", name="net.ipv4.ip_forward", value=1, **where),
        linux("Cron", "job", name="spoiled", schedule="17 3 * * *", command="/bin/true", **where),
        instance("Mount", "mnt", f"{BASE}/mnt", source="tmpfs", fstype="tmpfs", options=["size=1m"], **where),
    ]


@dataclass(frozen=True)
class Row:
    """Something that a person does.

    Attributes:
        what: it is called.
        address: of what it is spoiled, without the host.
        command: what is done.
        right: what is so again afterwards: a command that succeeds.
        ran: what is told that was run, where that has led to another program; by ops, who has become root.
        named: whether it is known who did it. Of a signal and of a mount neither systemd nor the kernel says that.
    """

    what: str
    address: str
    command: str
    right: str
    named: bool = True
    ran: str = ""


INSTALLED = "dpkg-query -W -f '${Version}' lab-app"
ROWS = [
    Row(
        "package removed",
        "Package/jq",
        "apt-get remove -y -q jq",
        "dpkg -s jq | grep -q '^Status: install ok'",
        ran="apt-get remove -y -q jq",
    ),
    Row(
        "package upgraded or downgraded",
        "Package/app",
        f"apt-get install -y -q --allow-downgrades lab-app=$([ $({INSTALLED}) = 1.0 ] && echo 2.0 || echo 1.0)",
        f"[ $({INSTALLED}) = $([ $(hostname) = h1 ] && echo 1.0 || echo 2.0) ]",
    ),
    Row("service stopped", "Service/nginx", "systemctl stop nginx", "systemctl is-active nginx"),
    Row("service disabled", "Service/nginx", "systemctl disable nginx", "systemctl is-enabled nginx"),
    Row(
        "service masked",
        "Service/nginx",
        "systemctl mask --now nginx",
        "systemctl is-active nginx && systemctl is-enabled nginx",
    ),
    Row(
        "service killed",
        "Service/beat",
        "systemctl kill -s KILL spoiled-beat",
        "systemctl is-active spoiled-beat",
        named=False,
    ),
    Row("unit file edited", "Unit/beat", f"sed -i s/infinity/9/ {UNIT}", f"grep -q infinity {UNIT}"),
    Row("unit file removed", "Unit/beat", f"rm {UNIT}", f"test -e {UNIT}"),
    Row(
        "drop-in edited",
        "Unit/limits",
        f"echo '[Service]' >{DROP_IN}",
        "systemctl show nginx -p LimitNOFILE | grep -q 4096",
    ),
    Row("vhost changed", "File/vhost", f"echo b >{BASE}/vhost.conf", f"grep -q 'server a' {BASE}/vhost.conf"),
    Row(
        "vhost's mode",
        "File/vhost",
        f"chmod 0666 {BASE}/vhost.conf",
        f"stat -c %a {BASE}/vhost.conf | grep 644",
    ),
    Row(
        "line changed",
        "Line/port",
        f"sed -i 's/^Port .*/Port 22/' {BASE}/app.conf",
        f"grep -q '^Port 2222$' {BASE}/app.conf && ! grep -q 'Port 22$' {BASE}/app.conf",
    ),
    Row(
        "line commented out",
        "Line/port",
        f"sed -i 's/^Port/#Port/' {BASE}/app.conf",
        f"grep -q '^Port 2222$' {BASE}/app.conf",
    ),
    Row(
        "block changed",
        "Block/names",
        f"sed -i s/0.2/9.9/ {BASE}/names",
        f"grep -q '10.0.0.2 web' {BASE}/names",
    ),
    Row("user removed", "User/person", "userdel spoiled", "id -nG spoiled | grep -q spoiled-team"),
    Row(
        "user's shell",
        "User/person",
        "usermod -s /bin/false spoiled",
        "getent passwd spoiled | grep -q '/bin/sh$'",
    ),
    Row(
        "user out of a group",
        "User/person",
        "gpasswd -d spoiled spoiled-team",
        "id -nG spoiled | grep -q spoiled-team",
    ),
    Row("passwd edited", "User/person", "sed -i 's/A B/C D/' /etc/passwd", "grep -q 'A B' /etc/passwd"),
    Row("key added", "AuthorizedKey/laptop", f"echo {OTHER_KEY} >>{KEYS}", f"! grep -q umwZA {KEYS}"),
    Row("keys removed", "AuthorizedKey/laptop", f"rm {KEYS}", f"grep -q laptop {KEYS}"),
    Row(
        "sysctl set",
        "Sysctl/forward",
        "sysctl -w net.ipv4.ip_forward=0",
        "sysctl -n net.ipv4.ip_forward | grep 1",
    ),
    Row(
        "cron changed",
        "Cron/job",
        "sed -i 's/^17/18/' /etc/cron.d/spoiled",
        "grep '^17 3' /etc/cron.d/spoiled",
    ),
    Row("cron removed", "Cron/job", "rm /etc/cron.d/spoiled", "test -e /etc/cron.d/spoiled"),
    Row("unmounted", "Mount/mnt", f"umount {BASE}/mnt", f"mountpoint -q {BASE}/mnt", named=False),
    Row("fstab changed", "Mount/mnt", f"sed -i '\\:{BASE}:d' /etc/fstab", f"grep -q {BASE} /etc/fstab"),
]
EACH = 15
"""Instances on each host."""


@pytest.fixture(scope="module")
def kept(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Lab, Daemon]]:
    """All hosts, kept by one daemon."""
    site = Site(tmp_path_factory.mktemp("spoiled"))
    for directory in (site.manifests, site.world, site.base / "home"):
        directory.mkdir()
    site.state.mkdir(mode=0o700)
    everything: list[Document] = []
    for host in lab.hosts:
        host.exec(AFTER, check=False)
        host.exec(BEFORE)
        everything.append(target(lab, host))
        for document in declared(host):
            document["metadata"]["name"] += f"-{host.name}"
            everything.append(document)
    site.declare(*everything)
    daemon = site.up()
    try:
        daemon.until_ready(EACH * len(lab.hosts))
        yield lab, daemon
    finally:
        daemon.kill()
        for host in lab.hosts:
            host.exec(AFTER, check=False)


@pytest.mark.parametrize("row", ROWS, ids=[row.what for row in ROWS])
def test_it_is_right_again_and_who_it_was_is_told(kept, row):
    lab, daemon = kept
    for host in lab.hosts:
        address = f"{host.name}/{row.address}-{host.name}"
        last = daemon.last_event()
        host.ssh(f"sudo -n sh -c {shlex.quote(row.command)} >/dev/null 2>&1", user="ops", check=False)

        def repaired(last=last, address=address):
            return [one for one in daemon.events(after=last, reason="Repaired") if one["object"] == address]

        told = until(f"{address} is put right", repaired)
        right = f"({row.right}) >/dev/null 2>&1 && echo yes"
        until("it is right", lambda host=host, right=right: host.exec(right, check=False) == "yes")
        daemon.until_ready(EACH * len(lab.hosts))
        if row.named:
            # Of a process that has ended before anybody could look no more is known than its number.
            assert any(one.get("evidence", {}).keys() & {"command", "pid"} for one in told), told
        if row.ran:
            assert [(one["evidence"]["began"], one["evidence"]["login"]) for one in told] == [
                (row.ran, "ops")
            ]


THIEF = """
import socket, time
taken = socket.socket()
taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
while True:
    try:
        taken.bind(("0.0.0.0", 80)); taken.listen(); break
    except OSError:
        time.sleep(0.0005)
time.sleep(3600)
"""


def test_a_service_whose_port_somebody_else_has_says_so_and_runs_again_once_it_is_free(kept):
    lab, daemon = kept
    for host in lab.hosts:
        address = f"{host.name}/Service/nginx-{host.name}"
        last = daemon.last_event()
        host.exec(
            f"systemd-run -q --unit=spoiled-thief python3 -c {shlex.quote(THIEF)}; sleep 1; systemctl stop nginx"
        )

        def told(last=last, address=address):
            return [
                one
                for one in daemon.events(after=last)
                if one["object"] == address and "in use" in one["message"]
            ]

        until("it is said why it does not run", told)
        assert daemon.resources()[address]["ready"] != "True"
        host.exec("systemctl stop spoiled-thief")
        until(
            "it runs again", lambda host=host: host.exec("systemctl is-active nginx", check=False) == "active"
        )
        daemon.until_ready(EACH * len(lab.hosts))
