"""A program on two real hosts: what each is to have follows from what both are, and from a fact that changes."""

import pytest

pytestmark = pytest.mark.lab

HOSTS = """\
apiVersion: froyo.dev/v1alpha1
kind: Target
metadata: {{name: {name}, labels: {{role: web, number: "{number}"}}}}
spec: {{ssh: {{host: "{host}", user: root, identityFile: "{key}", knownHosts: "{known}"}}}}
"""
VARS = """\
apiVersion: froyo.dev/v1alpha1
kind: Vars
metadata: {name: web}
spec: {targets: {}, values: {port: 8080}}
"""
LIB = """\
ETC = "/etc/programs/"

def note(target, name, *lines):
    return file(
        name = name + "-" + target.name,
        target = target.name,
        path = ETC + name,
        content = "".join([line + "\\n" for line in lines]),
        mode = "0600",
    )
"""
MAIN = """\
load("//lib/notes.star", "ETC", "note")

def main(ctx):
    web = [t for t in ctx.targets if t.labels["role"] == "web"]
    return [
        directory(name = "programs", targets = {"matchLabels": {"role": "web"}}, path = ETC.rstrip("/"), mode = "0755"),
        [note(t, "peers", *[other.name for other in web if other.name != t.name]) for t in web],
        [note(t, "system", t.facts.os.codename, t.facts.network.hostname, str(t.vars.port)) for t in web if t.facts],
        user(name = "programs", targets = {"matchLabels": {"number": "1"}}, system = True, shell = "/usr/sbin/nologin"),
    ]
"""


@pytest.fixture
def hosts(person, lab):
    person.froyo("forget", "here", status=None)
    for path in [*person.site.iterdir()]:
        path.unlink()
    (person.site / "lib").mkdir()
    two = [lab.host("h1"), lab.host("h2")]
    targets = [
        HOSTS.format(
            name=f"web-{n}", number=n, host=one.address, key=lab.identity_file, known=lab.known_hosts
        )
        for n, one in enumerate(two, 1)
    ]
    person.write("targets.yaml", "---\n".join(targets))
    person.write("vars.yaml", VARS)
    person.write("lib/notes.star", LIB)
    person.write("main.star", MAIN)
    yield two
    for host in two:
        host.exec('rm -rf /etc/programs; userdel programs; hostname "$(cat /etc/hostname)"', check=False)


def test_what_a_program_makes_is_on_the_hosts_and_follows_what_they_are(person, hosts):
    one, other = hosts
    person.froyo("apply", person.site)
    assert one.exec("cat /etc/programs/peers") == "web-2"
    assert other.exec("cat /etc/programs/peers") == "web-1"
    name = one.exec("hostname")
    assert one.exec("cat /etc/programs/system").split() == ["bookworm", name, "8080"]
    assert one.exec("getent passwd programs").endswith("/usr/sbin/nologin")
    assert other.exec("getent passwd programs || echo none") == "none"
    assert "nothing to do" in person.froyo("apply", person.site).stdout
    with person.up():
        one.exec("echo spoiled > /etc/programs/peers")
        person.until(lambda: one.exec("cat /etc/programs/peers") == "web-2")
        one.exec("hostname another")
        person.until(lambda: person.froyo("facts", "web-1", "--refresh", status=None).returncode == 0)
        person.until(lambda: "another" in one.exec("cat /etc/programs/system"))
        # A library that is wrong changes nothing, and says where.
        person.write("lib/notes.star", LIB.replace('"0600"', "600"))
        person.until(lambda: "lib/notes.star:9:16" in person.froyo("status", status=None).stdout)
        other.exec("rm /etc/programs/peers")
        person.until(lambda: other.exec("cat /etc/programs/peers || true") == "web-1")
        person.write("lib/notes.star", LIB.replace('"0600"', '"0640"'))
        person.until(lambda: other.exec("stat -c %a /etc/programs/peers") == "640")
