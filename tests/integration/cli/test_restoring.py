"""What was there before us is put back, with the real commands and daemon; the whole state comes from a backup."""

import shutil

RELOAD = """\
apiVersion: linux.froyo.dev/v1alpha1
kind: Exec
metadata: {name: reload}
spec: {target: here, argv: [sh, -c, "echo ran >> @/ran"], refreshOnly: true}
"""
FILE = """\
apiVersion: linux.froyo.dev/v1alpha1
kind: File
metadata: {{name: {name}}}
spec: {{target: here, path: "@/{name}", content: "ours\\n", notify: [Exec/reload]}}
"""


def taken_over(person):
    """One file that was somebody else's, and one that was not there."""
    (person.site / "files.yaml").unlink()
    (person.machine / "motd").write_text("theirs\n")
    (person.machine / "motd").chmod(0o640)
    person.write("reload.yaml", RELOAD)
    for name in ("motd", "new"):
        person.write(f"{name}.yaml", FILE.format(name=name))


def motd(person):
    return (person.machine / "motd").read_text()


def ran(person):
    return (person.machine / "ran").read_text().count("ran")


def test_without_a_daemon_it_is_shown_and_the_next_apply_does_it(person):
    taken_over(person)
    person.froyo("apply", "site")
    assert motd(person) == "ours\n"
    planned = person.json("restore", "here/File/motd", "--dry-run", status=2)
    [unit] = planned["items"][0]["units"]
    assert (unit["action"], unit["cause"]) == ("update", "restore")
    assert unit["diffs"][0]["unified"].splitlines()[1:] == ["-ours", "+theirs"]
    done = person.froyo("restore", "here/File/motd", "--reason", "theirs was right")
    assert "is put back by the next froyo apply, since no daemon runs" in done.stdout
    assert "is left alone until: froyo resume here/File/motd" in done.stdout
    assert motd(person) == "ours\n"
    assert person.json("plan", "site", status=2)["update"] == 1
    done = person.froyo("apply", "site")
    assert f"↶ File/motd  {person.machine}/motd  what was there before is back: content" in done.stdout
    assert motd(person) == "theirs\n"
    assert (person.machine / "motd").stat().st_mode & 0o777 == 0o640
    assert ran(person) == 2
    assert person.json("get", "motd")["items"][0]["reason"] == "Suspended"
    # It stays so, whatever is applied, until somebody says otherwise.
    person.froyo("apply", "site")
    assert motd(person) == "theirs\n"
    assert "put back as it was before us, by froyo restore: theirs was right" in person.froyo("status").stdout
    assert "is back already" in person.froyo("restore", "here/File/motd", "--reason", "x", status=1).stderr
    person.froyo("resume", "here/File/motd")
    person.froyo("apply", "site")
    assert motd(person) == "ours\n"
    acts = [record["action"] for record in person.json("audit")["items"]]
    assert acts == ["restore", "resume"]


def test_it_can_be_given_up_before_the_next_apply(person):
    taken_over(person)
    person.froyo("apply", "site")
    person.froyo("restore", "here/File/motd", "--reason", "x")
    person.froyo("resume", "here/File/motd")
    assert "nothing to do" in person.froyo("apply", "site").stdout
    assert motd(person) == "ours\n"


def test_what_is_named_is_an_address_and_nothing_else(person):
    taken_over(person)
    assert "nothing is known yet" in person.froyo("restore", "here/File/motd", status=1).stderr
    person.froyo("apply", "site")
    (person.base / "froyo.tar").write_bytes(b"")
    for arguments, says in (
        ((), "name what to put back, as target/Kind/name, or a --backup FILE"),
        (("here/File/motd", "--backup", "x"), "name what to put back"),
        (("--backup", "x", "--dry-run"), "are about one thing that is put back"),
        (("froyo.tar",), "is a file here; to have the whole state back: froyo restore --backup froyo.tar"),
        (("motd",), "it takes the whole address: froyo restore here/File/motd"),
        (("File",), "it takes a whole address, such as web-1/File/motd, and 'File' means 2 resources"),
        (("nothing",), "it takes a whole address, such as web-1/File/motd"),
        (("here/File/motd",), "it takes a --reason"),
        (("here/File/new", "--reason", "x"), "nothing was there before us"),
        (("here/File/new", "--dry-run"), "nothing was there before us"),
        (("here/File/nwe", "--reason", "x"), "nothing is known of here/File/nwe"),
    ):
        assert says in person.froyo("restore", *arguments, status=1).stderr
    assert motd(person) == "ours\n"
    assert person.json("audit")["items"] == []


def test_a_daemon_puts_it_back_at_once_and_leaves_it_alone_over_a_restart(person):
    taken_over(person)
    with person.up():
        person.froyo("wait", "--timeout", "60s")
        planned = person.json("restore", "here/File/motd", "--dry-run", status=2)
        assert [unit["cause"] for unit in planned["items"][0]["units"]] == ["restore"]
        assert motd(person) == "ours\n"
        done = person.json("restore", "here/File/motd", "--reason", "theirs was right")
        assert (done["kind"], done["done"]) == ("Restored", True)
        assert motd(person) == "theirs\n"
        person.until(lambda: person.json("get", "motd")["items"][0]["reason"] == "Suspended")
        (person.machine / "motd").write_text("by hand\n")
    with person.up():
        person.until(lambda: person.json("get", "motd")["items"][0]["reason"] == "Suspended")
        person.froyo("reconcile", "--wait", status=None)
        assert motd(person) == "by hand\n"
        person.froyo("resume", "here/File/motd")
        person.until(lambda: motd(person) == "ours\n")
        # An orphan becomes what it was, too, and nothing is left alone then.
        person.froyo("wait", "--timeout", "60s")
        (person.site / "motd.yaml").unlink()
        person.until(lambda: "here/File/motd" in person.froyo("get", "orphans").stdout)
        told = person.froyo("restore", "here/File/motd", "--reason", "not ours").stdout
        assert told == "here/File/motd: declared no longer, and what was there before is back: content\n"
        assert motd(person) == "by hand\n"


def test_the_whole_state_is_had_back_from_a_backup_that_is_named_as_one(person):
    taken_over(person)
    person.froyo("apply", "site")
    backup = person.base / "froyo.tar"
    person.froyo("backup", backup)
    shutil.rmtree(person.state)
    assert "as it was at" in person.froyo("restore", "--backup", backup).stdout
    person.froyo("restore", "here/File/motd", "--reason", "theirs was right")
    person.froyo("apply", "site")
    assert motd(person) == "theirs\n"
