"""Slips of people with the real command: what nobody careful would have removed stays, and it is said what to do."""

import json
import subprocess

import pytest

from tests.e2e.site import instance, local, until

WEB = {"targets": {"matchLabels": {"role": "web"}}}


def files(site, *numbers, **spec):
    """Files that go when they are declared no longer."""
    where = {} if spec else {"target": "here"}
    return [
        instance("File", f"f{n}", site.world / f"f{n}", content=f"{n}\n", deletion="delete", **where, **spec)
        for n in numbers
    ]


def there(site):
    return sorted(path.name for path in site.world.iterdir())


def waiting(site):
    """What waits for a person, with what is said of it."""
    views = json.loads(site.froyo("get", "-o", "json").stdout)["items"]
    return {
        view["address"]: f"{view['message']}; {view['advice']}"
        for view in views
        if view["reason"] == "PruneHeld"
    }


@pytest.fixture(params=["apply", "daemon"])
def taken(request, site):
    """Has what is declared taken in, by a run of its own or by a daemon that is up; gives what was said of it."""
    daemons, told = [], None

    def told_anew():
        """Whether something else is said of the directory than before."""
        nonlocal told
        before = told
        for source in (daemons[0].ask("sources") or {}).get("items") or ():
            if source["conditions"]:
                told = (source["revision"], source["conditions"][0]["message"])
        return told != before

    def take(*, refused=False, changed=True):
        if request.param == "apply":
            done = site.apply(check=False)
            assert (done.returncode != 0) >= refused
            return done.stdout + done.stderr
        if not daemons:
            daemons.append(site.up())
        if changed:
            until("it has read what is declared", told_anew)
        site.froyo("reconcile", check=False)
        site.froyo("wait", "--timeout", "5s", check=False)
        return site.froyo("status", check=False).stdout

    yield take
    for daemon in daemons:
        assert daemon.terminate() == 0


def test_a_directory_that_is_emptied_by_accident_removes_nothing(site, taken):
    site.declare(local(), *files(site, 1, 2))
    taken()
    (site.manifests / "site.yaml").unlink()
    said = taken(refused=True)
    assert "Put the manifests back" in said, said
    assert there(site) == ["f1", "f2"]


def test_a_renamed_manifest_removes_nothing(site, taken):
    site.declare(local(), *files(site, 1, 2))
    taken()
    inodes = {name: (site.world / name).stat().st_ino for name in there(site)}
    (site.manifests / "site.yaml").rename(site.manifests / "other.yaml")
    taken()
    renamed = files(site, 1, 2)
    renamed[0]["metadata"]["name"] = "another-name"
    site.declare(local(), *renamed, file="other.yaml")
    taken()
    assert {name: (site.world / name).stat().st_ino for name in there(site)} == inodes
    moved = json.loads(site.froyo("events", "-o", "json").stdout)["items"]
    assert [event["reason"] for event in moved if event["reason"] in ("Moved", "Removed")] == ["Moved"]


def test_a_label_typo_that_unselects_half_of_the_fleet_waits_for_a_person(site, taken):
    def declare(label):
        documents = [local(role=label), *files(site, *range(10), targets=WEB["targets"])]
        other = instance("File", "other", site.world / "other", content="x")
        site.declare(*documents, other)

    declare("web")
    taken()
    assert len(there(site)) == 11
    declare("wbe")
    said = taken()
    assert len(there(site)) == 11, said
    held = waiting(site)
    assert len(held) == 10
    assert all("10 of 11 instances are declared no longer" in message for message in held.values())
    assert all(
        "froyo approve" in message and "--reason" in message and "froyo forget" in message
        for message in held.values()
    )
    declare("web")
    taken()
    assert waiting(site) == {}
    assert len(there(site)) == 11


def git(site, *arguments):
    name = ["-c", "user.name=ada", "-c", "user.email=ada@localhost"]
    subprocess.run(["git", *name, *arguments], cwd=site.manifests, check=True, capture_output=True)


def test_a_checkout_of_an_older_tree_waits_for_a_person(site, taken):
    git(site, "init", "-q")
    site.declare(local(), *files(site, 1))
    git(site, "add", "-A")
    git(site, "commit", "-qm", "one")
    taken()
    site.declare(local(), *files(site, 1, 2))
    git(site, "add", "-A")
    git(site, "commit", "-qm", "two")
    taken()
    assert there(site) == ["f1", "f2"]
    git(site, "checkout", "-q", "HEAD~1")
    said = taken()
    assert there(site) == ["f1", "f2"], said
    (message,) = waiting(site).values()
    assert "came back" in message
    assert "froyo approve here/File/f2" in message
    site.froyo("approve", "here/File/f2", "--reason", "meant")
    taken(changed=False)
    assert there(site) == ["f1"]


def test_what_is_removed_on_purpose_is_planned_first_and_goes_in_reverse_order(site):
    directory = instance("Directory", "d", site.world / "d", deletion="delete")
    inside = instance("File", "inside", site.world / "d" / "inside", content="x", deletion="confirm")
    kept = instance("File", "kept", site.world / "kept", content="kept")
    site.declare(local(), directory, inside, kept)
    site.apply()
    site.declare(local(), kept)
    planned = site.froyo("plan", str(site.manifests), check=False)
    assert "inside" in planned.stdout
    assert "File/inside" in planned.stdout
    assert "Directory/d" in planned.stdout
    site.apply(check=False)
    assert there(site) == ["d", "kept"]
    assert (site.world / "d" / "inside").exists()
    (message,) = waiting(site).values()
    assert "deletion: confirm asks first" in message
    site.froyo("approve", "here/File/inside", "--reason", "meant")
    done = site.apply(check=False)
    assert there(site) == ["kept"], done.stdout + done.stderr
    events = json.loads(site.froyo("events", "-o", "json").stdout)["items"]
    removed = [
        event["object"] for event in sorted(events, key=lambda e: e["id"]) if event["reason"] == "Removed"
    ]
    assert removed == ["here/File/inside", "here/Directory/d"]
