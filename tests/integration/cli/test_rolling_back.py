"""An earlier revision is in force again, for a while, with the real commands and the real daemon."""

import signal

FILE = """\
apiVersion: linux.froyo.dev/v1alpha1
kind: File
metadata: {{name: {name}}}
spec: {{target: here, path: "@/{name}", content: "{text}\\n", deletion: delete}}
"""


def declare(person, **files):
    for name, text in files.items():
        person.write(f"{name}.yaml", FILE.format(name=name, text=text))


def content(person, name):
    path = person.machine / name
    return path.read_text().strip() if path.exists() else None


def revisions(person):
    return [view["revision"] for view in person.json("get", "revisions")["items"]]


def test_without_a_daemon_the_next_apply_does_it_and_what_it_does_not_have_stays(person):
    (person.site / "files.yaml").unlink()
    declare(person, a="one")
    person.froyo("apply", "site")
    declare(person, a="two", b="new")
    person.froyo("apply", "site")
    first, second = revisions(person)

    planned = person.json("rollback", first[:5], "--dry-run", status=2)
    assert (planned["update"], planned["delete"], planned["held"]) == (1, 0, 1)
    assert content(person, "a") == "two"
    done = person.froyo("rollback", first[:5], "--for", "1h", "--reason", "two is wrong")
    assert f"rolled back {person.site} to {first} until" in done.stdout
    assert "no daemon runs, so it takes the next froyo apply" in done.stdout
    assert f"rolled back to {first} by" in person.froyo("status").stdout
    assert "does not count before that ends" in person.froyo("plan", "site", status=2).stderr
    done = person.froyo("apply", "site")
    assert (content(person, "a"), content(person, "b")) == ("one", "new")
    assert "leave it until the rollback ends" in done.stderr
    assert "nothing to do" not in person.froyo("apply", "site").stdout

    # What the directory says meanwhile is read, and waits; what is wrong with it is said.
    declare(person, a="three")
    person.froyo("apply", "site")
    assert content(person, "a") == "one"
    states = {
        view["revision"]: (view["inForce"], view["newest"])
        for view in person.json("get", "revisions")["items"]
    }
    third = revisions(person)[-1]
    assert states == {first: (True, False), second: (False, False), third: (False, True)}
    person.write("broken.yaml", "nothing: [")
    told = person.froyo("apply", "site").stderr
    assert "what it says by now is wrong, too: " in told
    assert "broken.yaml:1:10: " in told
    (person.site / "broken.yaml").unlink()

    history = person.froyo("history").stdout
    assert f"↶ {person.site}  rolled back to {first} by" in history
    person.froyo("rollback", "--end")
    person.froyo("apply", "site")
    assert (content(person, "a"), content(person, "b")) == ("three", "new")
    assert "the rollback to" in person.froyo("history").stdout
    assert "nothing to do" in person.froyo("apply", "site").stdout
    acts = [record["action"] for record in person.json("audit")["items"]]
    assert acts == ["rollback", "rollback.end"]


def test_what_cannot_be_meant_is_refused_with_what_there_is(person):
    assert "nothing is known yet" in person.froyo("rollback", "abcd", "--reason", "x", status=1).stderr
    person.froyo("apply", "site")
    [only] = revisions(person)
    for arguments, says in (
        (("rollback",), "name a revision, or say --end; see: froyo get revisions"),
        (("rollback", only, "--end"), "name a revision, or say --end"),
        (("rollback", only), "a rollback needs a --reason"),
        (("rollback", only, "--reason", "x", "--for", "1h", "--until", "18:30"), "name one of them"),
        (("rollback", only, "--reason", "x", "--until", "2020-01-01"), "is in the past"),
        (("rollback", "zzzz", "--reason", "x"), f"there is no revision zzzz; there is: {only}"),
        (("rollback", only, "--reason", "x", "--source", "elsewhere"), "no revision is kept of a source"),
        (("rollback", "--end"), "nothing is rolled back"),
    ):
        assert says in person.froyo(*arguments, status=1).stderr
    assert person.json("audit")["items"] == []
    # A directory may be written in any way that leads to it.
    done = person.json("rollback", only, "--reason", "freeze", "--source", "site")
    assert done["source"] == str(person.site)


def test_a_daemon_goes_back_at_once_stays_there_over_kill_and_goes_on_when_the_time_has_come(person):
    (person.site / "files.yaml").unlink()
    declare(person, a="one")
    with person.up(ends=signal.SIGKILL):
        person.until(lambda: content(person, "a") == "one")
        declare(person, a="two", b="new")
        person.until(lambda: content(person, "b") == "new" and content(person, "a") == "two")
        person.froyo("wait", "--timeout", "60s")
        first, second = revisions(person)
        done = person.json("rollback", first, "--reason", "two is wrong")
        assert (done["source"], done["waiting"]) == (str(person.site), ["here/File/b"])
        person.until(lambda: content(person, "a") == "one")
        assert content(person, "b") == "new"
        declare(person, a="three")
        person.until(lambda: len(revisions(person)) == 3)
    # Killed, and started again: it is as it was.
    (person.machine / "a").write_text("spoiled\n")
    with person.up():
        person.until(lambda: content(person, "a") == "one")
        person.until(lambda: "PruneHeld" in person.froyo("get").stdout)
        [view] = person.json("get", "sources")["items"]
        assert (view["revision"], view["rollback"]["revision"]) == (first, first)
        assert "rolled back to" in person.froyo("diff", status=2).stderr
        text = person.froyo("status").stdout
        assert f"rolled back to {first} by" in text
        assert "which is right, waits" in text
        # Somebody says until when.
        person.froyo("rollback", first, "--reason", "for a moment", "--for", "2s")
        person.until(lambda: content(person, "a") == "three")
        person.until(lambda: person.json("get", "sources")["items"][0]["rollback"] is None)
        assert content(person, "b") == "new"
        assert second not in (view["revision"] for view in person.json("get", "sources")["items"])
        person.froyo("rollback", second, "--reason", "once more")
        person.until(lambda: content(person, "a") == "two")
        assert "has ended" in person.froyo("rollback", "--end").stdout
        person.until(lambda: content(person, "a") == "three")
        reasons = [event["reason"] for event in person.json("events", "--object", "Source")["items"]]
        assert reasons.count("RolledBack") == reasons.count("RollbackEnded") + 1 == 3


def test_what_was_added_since_goes_when_a_person_approves_and_not_before(person):
    (person.site / "files.yaml").unlink()
    declare(person, a="one")
    with person.up():
        person.until(lambda: content(person, "a") == "one")
        declare(person, b="new")
        person.until(lambda: content(person, "b") == "new")
        person.froyo("wait", "--timeout", "60s")
        person.froyo("rollback", revisions(person)[0], "--reason", "b is wrong")
        person.until(lambda: "froyo approve here/File/b" in person.froyo("get").stdout)
        person.until(lambda: person.json("events", "--reason", "PruneHeld")["items"])
        person.froyo("approve", "here/File/b", "--reason", "really")
        person.until(lambda: content(person, "b") is None)
        # And is there again with the revision that has it.
        person.froyo("rollback", "--end")
        person.until(lambda: content(person, "b") == "new")
