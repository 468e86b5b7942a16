"""The example of secrets in git: on a real host, rotated by a commit, once; and on the disks of nobody else."""

import re
import shutil
from pathlib import Path

import pytest

from reconciler.age.identities import identities_in
from reconciler.age.recipients import recipient
from reconciler.age.sealing import sealed
from tests.integration.cli.test_secrets_at_rest import Sealed, of_sops
from tests.integration.cli.test_secrets_on_hosts import TARGET, command_lines, holding
from tests.integration.watchers.origins import Origin

EXAMPLE = Path(__file__).parents[3] / "examples" / "secrets-in-git"
HOMES = {"/etc/shop/settings", "/etc/shop/tls.key"}


def test_the_example_is_valid_and_opened_with_the_key_that_comes_with_it(person):
    assert "what it holds is not looked at" in person.froyo("validate", EXAMPLE, HOME=str(person.base)).stdout
    key = person.base / "demo.key"
    shutil.copy(EXAMPLE / "demo.key", key)
    key.chmod(0o600)
    person.environ["FROYO_AGE_KEY_FILE"] = str(key)
    said = person.froyo("validate", EXAMPLE)
    assert said.stdout.startswith("valid: 3 instances on 1 target")
    assert said.stderr == ""
    assert "not-a-secret-any-more" in person.froyo("secrets", "decrypt", EXAMPLE / "vars.yaml").stdout
    checked = person.froyo("secrets", "rotate", "--check", EXAMPLE)
    assert "mail.enc.yaml: a file of SOPS" in checked.stderr
    assert "2 ciphertexts in 2 files: all for the recipients" in checked.stdout


class Committed(Sealed):
    """What the example has encrypted, for a controller of this test's own, in a repository."""

    def __init__(self, person, origin):
        self.origin = origin
        super().__init__(person)

    def write(self):
        to = [recipient(self.public)]
        vars_ = (EXAMPLE / "vars.yaml").read_text()
        db = sealed(self.now["db"].encode(), to).rstrip().replace("\n", "\n            ")
        text, number = re.subn(r"# to (.|\n)*-----END AGE ENCRYPTED FILE-----", lambda _: db, vars_)
        assert number == 1
        tls = f"{self.now['tls']}\nof two lines\n"
        self.commit = self.origin.commit(
            {
                ".age-recipients": f"{self.public}\n",
                "vars.yaml": text,
                "site.yaml": (EXAMPLE / "site.yaml").read_text(),
                "tls.key.age": sealed(tls.encode(), to, naming=False),
                "mail.enc.yaml": of_sops({"smtp": {"password": self.now["token"]}}, self.public),
            }
        )

    def look(self, *said):
        self.files = {"key": self.key}
        Sealed.__bases__[0].look(self, *said)


@pytest.fixture
def host(lab):
    one = lab.host("h1")
    one.exec("touch /var/tmp/begun; rm -rf /etc/shop")
    yield one
    one.exec("rm -rf /etc/shop /var/tmp/begun /var/log/froyo", check=False)


@pytest.mark.e2e
@pytest.mark.lab
def test_a_secret_that_is_rotated_in_git_is_rotated_on_the_host_once(person, host, lab, tmp_path):
    origin = Origin(person.base / "origin")
    text = TARGET.format(host=host.address, key=lab.identity_file, known=lab.known_hosts)
    origin.write({"targets.yaml": text})
    shop = Committed(person, origin)
    shutil.rmtree(person.site)
    person.site = "--git"
    more = [str(person.base / "origin"), "--git-with", "interval=1s"]

    def settings():
        return host.exec("cat /etc/shop/settings", check=False)

    def state():
        return host.exec("stat -c '%a %i %Y %n' /etc/shop/settings /etc/shop/tls.key")

    def in_force(commit):
        [source] = person.json("get", "sources")["items"]
        return commit in source["revision"]

    def declared():
        return f"database = postgres://shop:{shop.now['db']}@db.example.org/shop\nsmtp = {shop.now['token']}"

    with person.up(*more):
        person.until(lambda: settings() == declared())
        person.froyo("wait", "--timeout", "60s")
        assert host.exec("cat /etc/shop/tls.key") == f"{shop.now['tls']}\nof two lines"
        before = state()
        assert [line.split()[0] for line in before.splitlines()] == ["600", "640"]
        # Encrypted anew: another commit, and nothing is done.
        shop.write()
        person.until(lambda: in_force(shop.commit))
        person.froyo("reconcile", "--wait")
        assert state() == before
        runs = len(person.json("history")["items"])
        # Another value: written once.
        shop.rotate("db")
        person.until(lambda: settings() == declared())
        person.froyo("wait", "--timeout", "60s")
        person.froyo("reconcile", "--wait")
        after = state()
        assert after.splitlines()[1] == before.splitlines()[1]
        history = person.json("history")["items"]
        assert len(history) == runs + 1, history
        shop.rotate("tls")
        person.until(lambda: host.exec("cat /etc/shop/tls.key").startswith(shop.now["tls"]))
        said = [
            person.froyo(*one, "-o", "json").stdout
            for one in (("events",), ("history",), ("get",), ("audit",))
        ]
        said.append(command_lines(host))
        said.append(host.exec("cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' ' '", check=False))
    shop.look(*said, person.log)
    assert holding(host, [one for one in shop.all if not one.startswith("AGE-")]) <= HOMES
    assert not holding(host, [shop.all[0]])
    kept = b"".join(path.read_bytes() for path in person.state.rglob("*") if path.is_file())
    assert identities_in(shop.key.read_text(), "")[0].secret.encode() not in kept
    assert b"BEGIN AGE ENCRYPTED FILE" in kept
