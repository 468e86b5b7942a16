"""What a real Debian host is decides what is declared there, and follows what is changed there."""

import pytest

pytestmark = pytest.mark.lab

INVENTORY = """\
apiVersion: froyo.dev/v1alpha1
kind: Inventory
metadata: {name: lab}
spec:
  ssh: {user: root, knownHosts: "KNOWN"}
  ansible: {path: hosts.ini}
"""
DECLARED = """\
apiVersion: linux.froyo.dev/v1alpha1
kind: User
metadata: {name: canary}
spec: {targets: {matchLabels: {group/web: "true"}}, name: canary, uid: 4711}
---
apiVersion: linux.froyo.dev/v1alpha1
kind: File
metadata: {name: conf}
spec:
  targets:
    matchLabels: {group/web: "true"}
    matchFacts: {os.codename: bookworm, packages.manager: apt}
  path: /etc/canary.conf
  content: "canary=${has(facts.users.canary) ? facts.users.canary.uid : 0} ${facts.os.family}\\n"
---
apiVersion: linux.froyo.dev/v1alpha1
kind: File
metadata: {name: other}
spec: {targets: {matchFacts: {packages.manager: apk}}, path: /etc/canary.other, content: "x"}
"""


@pytest.fixture
def host(lab):
    host = lab.host("h1")
    yield host
    host.exec("userdel -rf canary; rm -f /etc/canary.*", check=False)


@pytest.fixture
def site(person, lab, host):
    for file in person.site.iterdir():
        file.unlink()
    person.write("inventory.yaml", INVENTORY.replace("KNOWN", str(lab.known_hosts)))
    person.write(
        "hosts.ini",
        f"[web]\nh1 ansible_host={host.address} ansible_ssh_private_key_file={lab.identity_file}\n",
    )
    person.write("declared.yaml", DECLARED)


@pytest.mark.usefixtures("site")
def test_a_change_that_touches_facts_has_what_depends_on_them_follow(person, host):
    with person.up():
        person.until(lambda: host.exec("cat /etc/canary.conf", check=False) == "canary=4711 debian")
        assert person.json("facts", "h1", "users.canary.uid")["value"] == 4711
        host.exec("userdel -r canary")  # and it is put back, with the same number
        person.until(lambda: "canary" in host.exec("cat /etc/passwd"))
    assert host.exec("ls /etc/canary.other", check=False) == ""
    assert "File/conf" in person.froyo("history", "-v").stdout


@pytest.mark.usefixtures("site")
def test_an_apply_that_changes_what_it_depends_on_says_so(person, host):
    first = person.froyo("apply", person.site)
    assert "what is declared on h1 depends on what was changed there; run it again" in first.stderr
    assert host.exec("cat /etc/canary.conf") == "canary=0 debian"
    person.froyo("apply", person.site)
    assert host.exec("cat /etc/canary.conf") == "canary=4711 debian"
    assert "nothing to do" in person.froyo("apply", person.site).stdout
