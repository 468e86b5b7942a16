"""A denied plan changes nothing on a real host: not a file, not a package, not a service."""

import pytest

from tests.integration.cli.test_secrets_on_hosts import TARGET

pytestmark = pytest.mark.lab

WANTED = """\
apiVersion: linux.froyo.dev/v1alpha1
kind: Package
metadata: {name: jq}
spec: {target: shop-1, package: jq}
---
apiVersion: linux.froyo.dev/v1alpha1
kind: File
metadata: {name: conf}
spec: {target: shop-1, path: /srv/policies/conf, content: "x\\n", require: [Package/jq], notify: [Exec/note]}
---
apiVersion: linux.froyo.dev/v1alpha1
kind: Directory
metadata: {name: there}
spec: {target: shop-1, path: /srv/policies}
---
apiVersion: linux.froyo.dev/v1alpha1
kind: User
metadata: {name: nobody-special}
spec: {target: shop-1, name: special}
---
apiVersion: linux.froyo.dev/v1alpha1
kind: Service
metadata: {name: cron}
spec: {target: shop-1, unit: cron.service, state: stopped, startup: disabled}
---
apiVersion: linux.froyo.dev/v1alpha1
kind: Exec
metadata: {name: note}
spec: {target: shop-1, argv: [touch, /srv/noted], refreshOnly: true}
"""
RULES = """\
package froyo.plan

deny contains "nothing on this host" if input.facts.os.id == "debian"
"""
LEFT = {"PolicyDenied", "DependencyNotReady", "InSync"}
"""What depends on something denied waits; a handler that nothing notifies is as it is declared."""
SEEN = (
    "find /etc /home /opt /root /srv /usr /var/lib/dpkg /var/spool -xdev -newer /var/tmp/begun | sort;"
    " dpkg-query -W -f '${Package} ${Status}\\n' | sha256sum; getent passwd | sha256sum;"
    " systemctl is-active cron; systemctl is-enabled cron; ls /srv"
)


def test_a_denied_plan_changes_nothing(person, lab):
    host = lab.host("h1")
    for path in [*person.site.iterdir()]:
        path.unlink()
    person.write(
        "target.yaml", TARGET.format(host=host.address, key=lab.identity_file, known=lab.known_hosts)
    )
    person.write("wanted.yaml", WANTED)
    (person.site / "policies").mkdir()
    person.write("policies/rules.rego", RULES)
    person.froyo("facts", "shop-1", status=None)
    host.exec("touch /var/tmp/begun; sleep 0.05")
    before = host.exec(SEEN)
    plan = person.json("plan", person.site, status=1)
    assert plan["denied"] == plan["held"] > 4
    for _ in range(2):
        done = person.froyo("apply", person.site, status=1).stdout
        assert "denied by policy: nothing on this host" in done
    with person.up():
        person.froyo("reconcile", "--wait", status=None)
        person.until(lambda: all(one["reason"] in LEFT for one in person.json("get")["items"]))
    assert host.exec(SEEN) == before
