"""A change on real hosts reaches the canary first, and nobody else where it breaks the probe there."""

import random
import time

import pytest

from tests.e2e import lab as hosts
from tests.e2e.site import instance, until

pytestmark = [pytest.mark.lab, pytest.mark.e2e]

NAMES = ("t1", "t2", "t3", "t4")
ROOT = "/var/www/html"


def placed(lab):
    """Four targets; where there are fewer hosts, several on one."""
    return {name: lab.hosts[index % len(lab.hosts)] for index, name in enumerate(NAMES)}


def declare(site, lab, text):
    documents = []
    for name, host in placed(lab).items():
        target = hosts.target(lab, host)
        labels = {"role": "web", "address": host.address} | ({"canary": "yes"} if name == "t1" else {})
        documents.append(target | {"metadata": {"name": name, "labels": labels}})
    everywhere = {"targets": {"matchLabels": {"role": "web"}}}
    documents.append(
        instance(
            "File", "page", f"{ROOT}/${{target.name}}.html", content=f"{text}\n", mode="0644", **everywhere
        )
    )
    documents.append(
        {
            "apiVersion": "probe.froyo.dev/v1alpha1",
            "kind": "HttpProbe",
            "metadata": {"name": "site"},
            "spec": {
                **everywhere,
                "url": "http://${target.labels.address}/${target.name}.html",
                "contains": ["ready"],
                "require": ["File/page"],
                "interval": 1,
                "within": 3,
                "retries": 0,
            },
        }
    )
    documents.append(
        {
            "apiVersion": "froyo.dev/v1alpha1",
            "kind": "Rollout",
            "metadata": {"name": "web"},
            "spec": {
                "targets": {"matchLabels": {"role": "web"}},
                "waves": [{"targets": {"matchLabels": {"canary": "yes"}}}, {"size": 2}],
                "maxUnavailable": 2,
                "onFailure": "rollback",
            },
        }
    )
    site.declare(*documents)


def pages(lab):
    """What each host has, asked beside everything that is tested."""
    found = {}
    for name, host in placed(lab).items():
        found[name] = host.exec(f"cat {ROOT}/{name}.html 2>/dev/null", check=False).strip()
    return found


def record(daemon):
    answer = daemon.ask("rollouts")
    return answer["items"][0] if answer and answer["items"] else {"phase": "", "revision": "", "message": ""}


def over(daemon, lab, text):
    """Wait until all have it."""
    until(
        f"all have {text}",
        lambda: record(daemon)["phase"] == "Complete" and set(pages(lab).values()) == {text},
        patience=240.0,
    )


def test_what_breaks_the_canary_reaches_no_other_host_and_is_rolled_back_there(site, lab):
    for host in lab.hosts:
        host.exec(f"rm -f {ROOT}/t?.html; systemctl start nginx")
    declare(site, lab, "ready one")
    daemon = site.up()
    over(daemon, lab, "ready one")
    declare(site, lab, "broken two")
    seen = set()

    def rolled_back():
        found = pages(lab)
        seen.update(f"{name} {text}" for name, text in found.items())
        return record(daemon)["phase"] == "RolledBack" and set(found.values()) == {"ready one"}

    until("it is rolled back", rolled_back, patience=120.0)
    assert {one for one in seen if one.endswith("broken two")} <= {"t1 broken two"}
    assert "t1 failed: HttpProbe/site: Unhealthy" in record(daemon)["message"]
    told = daemon.events(object="t1/", reason="Updated")
    assert len(told) == 2  # to the new one, and back
    assert not [event for name in NAMES[1:] for event in daemon.events(object=f"{name}/", reason="Updated")]
    daemon.terminate()


def test_killed_at_any_instant_it_goes_on_where_it_was(site, lab):
    for host in lab.hosts:
        host.exec(f"rm -f {ROOT}/t?.html; systemctl start nginx")
    declare(site, lab, "ready 0")
    daemon = site.up()
    over(daemon, lab, "ready 0")
    draw = random.Random(17)
    order = [set(), {"t1"}, {"t1", "t2"}, {"t1", "t3"}, {"t1", "t2", "t3"}, set(NAMES)]
    for number in (1, 2):
        new = f"ready {number}"
        declare(site, lab, new)
        have = set()
        for _ in range(4):
            deadline = time.monotonic() + draw.uniform(0.2, 12.0)

            def due(deadline=deadline):
                return time.monotonic() >= deadline

            until("the next kill is due", due)
            daemon.kill()
            found = {name for name, text in pages(lab).items() if text == new}
            assert have <= found, "nobody goes back"
            assert found in order, "nobody has it out of turn"
            have = found
            daemon = site.up()
        over(daemon, lab, new)
    # Drift is put right everywhere at once, to what is in force there.
    host = placed(lab)["t4"]
    host.exec(f"echo spoiled >{ROOT}/t4.html")
    until("it is put back", lambda: pages(lab)["t4"] == "ready 2")
    daemon.terminate()
