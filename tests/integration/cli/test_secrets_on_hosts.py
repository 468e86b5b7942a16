"""The example of secrets on a real host: they are where they belong, and in no other file, log or process there."""

import hashlib
import re
import secrets
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.integration.cli.test_secrets import Secrets

pytestmark = pytest.mark.lab

EXAMPLE = Path(__file__).parents[3] / "examples" / "secrets"
TARGET = """\
apiVersion: froyo.dev/v1alpha1
kind: Target
metadata: {{name: shop-1, labels: {{role: shop}}}}
spec: {{ssh: {{host: "{host}", user: ops, become: sudo, identityFile: "{key}", knownHosts: "{known}"}}}}
"""
HOMES = {"/etc/shop/settings", "/etc/shop/token", "/root/.pgpass", "/etc/shadow"}
SEARCH = (
    "find / -xdev -newer /var/tmp/begun -type f -print0 >/tmp/l; for d in /run /tmp /dev/shm; do"
    " find $d -xdev -type f -print0 >>/tmp/l; done; xargs -0 grep -laF -f /dev/stdin </tmp/l; rm /tmp/l"
)


class ShopSecrets(Secrets):
    """Those of the example."""

    def __init__(self, person):
        self.person, self.all = person, []
        place = person.state / "secrets"
        place.mkdir(parents=True, mode=0o700)
        person.state.chmod(0o700)
        self.files = {name: place / name for name in ("db", "token-shop-1", "admin.hash")}
        for name in self.files:
            self.rotate(name)

    def rotate(self, name):
        value = secrets.token_hex(12)
        if name == "admin.hash":
            done = subprocess.run(
                ["openssl", "passwd", "-6", "-stdin"], input=value, capture_output=True, text=True, check=True
            )
            value = done.stdout.strip()
        self.all.append(value)
        path = self.files[name]
        path.with_name("new").write_text(f"{value}\n")
        path.with_name("new").chmod(0o600)
        path.with_name("new").rename(path)
        return value


@pytest.fixture
def host(person, lab):
    for path in [*person.site.iterdir()]:
        path.unlink()
    shutil.copytree(EXAMPLE, person.site, dirs_exist_ok=True)
    one = lab.host("h1")
    person.write(
        "targets.yaml", TARGET.format(host=one.address, key=lab.identity_file, known=lab.known_hosts)
    )
    one.exec("touch /var/tmp/begun")
    yield one
    gone = "userdel -r shopadmin; rm -rf /etc/shop /root/.pgpass /var/tmp/begun /etc/shadow- /var/log/froyo"
    one.exec(gone, check=False)


def holding(host, values):
    """The files there that hold one of some values, which are in no command line for it."""
    found = host.ssh(
        "cat >/dev/shm/p; chmod 600 /dev/shm/p; " + SEARCH.replace("/dev/stdin", "/dev/shm/p"),
        stdin="\n".join(values) + "\n",
        check=False,
    ).splitlines()
    host.exec("rm -f /dev/shm/p /tmp/l")
    return set(found) - {"/dev/shm/p"}


def command_lines(host):
    return host.exec("cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '", check=False)


def test_the_secrets_of_a_shop_are_where_they_belong(person, host):
    shop = ShopSecrets(person)
    db, token, hashed = shop.all
    said = [person.froyo("plan", person.site, "-v", status=2).stdout]

    said.append(person.froyo("apply", person.site, "-v").stdout)
    url = f"database = postgres://shop:{db}@db.example.org/shop"
    assert host.exec("cat /etc/shop/settings") == url
    assert host.exec("cat /etc/shop/token") == f"# shop-1\n{token}"
    assert host.exec("cat /root/.pgpass") == f"db.example.org:5432:shop:shop:{db}"
    assert host.exec("getent shadow shopadmin").split(":")[1] == hashed
    assert host.exec("stat -c %a /etc/shop/settings /root/.pgpass").split() == ["600", "600"]
    assert host.exec("cat /etc/shop/registered").split()[0] == hashlib.sha256(token.encode()).hexdigest()
    assert "nothing to do" in person.froyo("apply", person.site).stdout

    fresh = shop.rotate("db")
    again = shop.rotate("admin.hash")
    changed = person.froyo("apply", person.site, "-v").stdout
    assert set(re.findall(r"~ (\S+)", changed)) == {"File/settings", "Line/pgpass", "User/shopadmin"}
    assert host.exec("getent shadow shopadmin").split(":")[1] == again
    host.exec(
        "sed -i s/shop:/spoiled:/ /etc/shop/settings /root/.pgpass; usermod -p '$6$other$abcdefgh' shopadmin"
    )
    said += [changed, person.froyo("apply", person.site, "-v").stdout, command_lines(host)]
    assert host.exec("cat /root/.pgpass") == f"db.example.org:5432:shop:shop:{fresh}"
    said += [person.froyo(*one, "-o", "json").stdout for one in (("events",), ("history",), ("get",))]

    shop.look(*said)
    assert holding(host, shop.all) - {"/etc/shadow-"} <= HOMES
    journal = host.exec("journalctl --no-pager -o export", check=False)
    assert not shop.found_in(journal.encode(errors="surrogateescape"))
