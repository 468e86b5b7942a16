"""The example of values per host, on two real hosts, and a fact that changes under a daemon."""

import shutil
from pathlib import Path

import pytest

pytestmark = pytest.mark.lab

EXAMPLE = Path(__file__).parents[3] / "examples" / "values"
TARGET = """\
apiVersion: froyo.dev/v1alpha1
kind: Target
metadata: {{name: {name}, labels: {{role: web, site: {site}}}}}
spec: {{ssh: {{host: "{host}", user: root, identityFile: "{key}", knownHosts: "{known}"}}}}
"""
FACTS = """\
apiVersion: linux.froyo.dev/v1alpha1
kind: File
metadata: {name: facts}
spec:
  targets: {}
  path: /etc/sites/facts
  template: true
  content: |
    {{ facts.os.codename }} {{ facts.network.hostname }} {{ facts.users.root.shell }}
"""


@pytest.fixture
def hosts(person, lab):
    person.froyo("forget", "here", status=None)
    for path in [*person.site.iterdir()]:
        path.unlink()
    shutil.copytree(EXAMPLE, person.site, dirs_exist_ok=True)
    two = {"web-1": (lab.host("h1"), "www"), "web-2": (lab.host("h2"), "shop")}
    targets = [
        TARGET.format(name=name, site=site, host=host.address, key=lab.identity_file, known=lab.known_hosts)
        for name, (host, site) in two.items()
    ]
    person.write("targets.yaml", "---\n".join(targets))
    yield [host for host, _ in two.values()]
    for host, _ in two.values():
        host.exec('rm -rf /etc/sites; hostname "$(cat /etc/hostname)"', check=False)


def test_two_hosts_that_differ_are_kept_by_one_declaration(person, hosts):
    (person.site / "facts.yaml").write_text(FACTS)
    person.froyo("apply", person.site)
    assert "listen 80;" in hosts[0].exec("cat /etc/sites/www.conf")
    assert "listen 8080;" in hosts[1].exec("cat /etc/sites/shop.conf")
    assert hosts[1].exec("tail -n 1 /etc/sites/check.sh") == 'exec curl --fail "http://${host}:8080/"'
    name = hosts[0].exec("hostname")
    assert hosts[0].exec("cat /etc/sites/facts") == f"bookworm {name} /bin/bash"
    assert "nothing to do" in person.froyo("apply", person.site).stdout
    with person.up():
        hosts[0].exec("hostname another")
        person.until(lambda: person.froyo("facts", "web-1", "--refresh", status=None).returncode == 0)
        person.until(lambda: hosts[0].exec("cat /etc/sites/facts") == "bookworm another /bin/bash")
        assert hosts[1].exec("cat /etc/sites/facts") == f"bookworm {hosts[1].exec('hostname')} /bin/bash"
        person.until(lambda: told(person)[-1:] != [("Created", "spec")])
        assert told(person)[-1:] == [("Updated", "spec")]
        assert "drift" not in {one.get("cause") for one in person.json("events")["items"]}


def told(person):
    """What was said of the file that reads facts."""
    events = person.json("events")["items"]
    return [(one["reason"], one.get("cause")) for one in events if one["object"] == "web-1/File/facts"]
