"""What is declared no longer, with the real commands: what a careful person would not have removed stays."""

import shutil

FILE = """\
apiVersion: linux.froyo.dev/v1alpha1
kind: File
metadata: {{name: {name}}}
spec: {{target: here, path: "@/{name}", content: "{name}\\n", deletion: {deletion}}}
"""


def files(person, *names, deletion="delete"):
    for name in names:
        person.write(f"{name}.yaml", FILE.format(name=name, deletion=deletion))


def there(person):
    return sorted(path.name for path in person.machine.iterdir())


def begun(person, *names, deletion="delete"):
    (person.site / "files.yaml").unlink()
    files(person, *names, deletion=deletion)
    person.froyo("apply", "site")
    assert there(person) == sorted(names)


def dropped(person, *names):
    for name in names:
        (person.site / f"{name}.yaml").unlink()


def test_what_is_dropped_on_purpose_is_planned_removed_and_gone(person):
    begun(person, "a", "b", "c")
    dropped(person, "a")
    planned = person.json("plan", "site", status=2)
    assert (planned["delete"], planned["held"]) == (1, 0)
    assert [unit["cause"] for unit in planned["items"][0]["units"] if unit["action"] == "delete"] == ["prune"]
    assert there(person) == ["a", "b", "c"]
    done = person.froyo("apply", "site")
    assert f"- File/a  {person.machine}/a  declared no longer, and removed" in done.stdout
    assert there(person) == ["b", "c"]
    assert person.froyo("apply", "site").stdout.startswith("nothing to do")


def test_a_directory_that_was_emptied_by_accident_removes_nothing(person):
    begun(person, *"abcde")
    shutil.move(person.site, person.base / "elsewhere")
    person.site.mkdir()
    assert "Put the manifests back" in person.froyo("apply", "site", status=1).stderr
    # With the targets left it is more than may go at once.
    person.write("target.yaml", (person.base / "elsewhere" / "target.yaml").read_text())
    done = person.froyo("apply", "site")
    assert "5 of 5 instances are declared no longer, and 3 may go in one revision" in done.stdout
    assert "froyo approve --all --reason WHY; if not, put the manifests back" in done.stderr
    assert there(person) == list("abcde")
    assert {view["reason"] for view in person.json("get")["items"]} == {"PruneHeld"}
    for path in (person.base / "elsewhere").iterdir():
        shutil.copy(path, person.site)
    assert "5 instances on 1 target are as declared" in person.froyo("apply", "site").stdout
    assert there(person) == list("abcde")


def test_a_misspelt_label_removes_nothing_though_it_is_within_the_budget(person):
    labelled = (person.site / "target.yaml").read_text().replace("role: test", "role: %s")
    (person.site / "files.yaml").unlink()
    person.write("target.yaml", labelled % "web")
    selecting = FILE.format(name="a", deletion="delete")
    person.write("a.yaml", selecting.replace("target: here", "targets: {matchLabels: {role: web}}"))
    person.froyo("apply", "site")
    person.write("target.yaml", labelled % "wbe")
    done = person.froyo("apply", "site")
    assert "File/a is still declared, and selects 0 of the 1 targets that it did" in done.stdout
    assert there(person) == ["a"]
    person.write("target.yaml", labelled % "web")
    assert "1 instance on 1 target is as declared" in person.froyo("apply", "site").stdout


def test_what_is_held_is_removed_when_a_person_approves_or_kept_for_good_when_they_say_so(person):
    begun(person, *"abcde")
    dropped(person, *"abcd")
    person.froyo("apply", "site")
    assert "froyo get" in person.froyo("approve", "--reason", "x", status=1).stderr
    assert "waits for anybody" in person.froyo("approve", "here/File/e", "--reason", "x", status=1).stderr
    person.froyo("forget", "here/File/d")
    approved = person.froyo("approve", "--all", "--reason", "not used any more")
    assert approved.stdout.startswith("approved 3 resources; no daemon runs")
    # Approved once more it is neither told nor on record as if it were news.
    again = person.froyo("approve", "--all", "--reason", "not used any more")
    assert again.stdout.startswith("approved before, and still to be done: 3 resources; no daemon runs")
    assert [record["action"] for record in person.json("audit")["items"]].count("approve") == 3
    person.froyo("apply", "site")
    assert there(person) == ["d", "e"]
    assert person.froyo("get", "orphans").stdout == ""
    assert {view["address"] for view in person.json("get")["items"]} == {"here/File/e"}


def test_how_much_goes_unasked_can_be_said(person):
    begun(person, *"abcde")
    dropped(person, *"abcd")
    assert "takes a number such as 10" in person.froyo("plan", "site", "--prune-budget", "x", status=1).stderr
    assert person.json("plan", "site", "--prune-budget", "79%")["held"] == 4
    person.froyo("apply", "site", "--prune-budget", "80%")
    assert there(person) == ["e"]


def test_a_manifest_that_was_renamed_moves_and_touches_nothing(person):
    begun(person, "a", "b")
    before = (person.machine / "a").stat()
    text = (person.site / "a.yaml").read_text()
    (person.site / "a.yaml").unlink()
    (person.site / "first.yaml").write_text(text.replace("name: a}", "name: first}"))
    person.froyo("apply", "site")
    assert (person.machine / "a").stat() == before
    [moved] = person.json("events", "--reason", "Moved")["items"]
    assert (moved["object"], moved["message"]) == (
        "here/File/first",
        "was File/a; nothing is changed on the target",
    )
    assert person.json("events", "--reason", "Removed")["items"] == []
    assert person.json("get", "orphans")["items"] == []


def test_a_label_with_a_typo_that_unselects_half_of_the_fleet_is_held(person):
    (person.site / "files.yaml").unlink()
    manifest = """\
apiVersion: linux.froyo.dev/v1alpha1
kind: File
metadata: {{name: f{n}}}
spec: {{targets: {{matchLabels: {{role: {role}}}}}, path: "@/f{n}", content: "x", deletion: delete}}
"""
    person.write("all.yaml", "---\n".join(manifest.format(n=n, role="test") for n in range(8)))
    person.froyo("apply", "site")
    typo = [manifest.format(n=n, role="test" if n % 2 else "tset") for n in range(8)]
    person.write("all.yaml", "---\n".join(typo))
    done = person.froyo("apply", "site")
    assert "4 removals held (4 of 8 instances are declared no longer" in done.stderr
    assert there(person) == [f"f{n}" for n in range(8)]


def test_an_older_tree_that_is_checked_out_holds_what_it_does_not_have(person):
    begun(person, "a")
    files(person, "b")
    person.froyo("apply", "site")
    dropped(person, "b")
    done = person.froyo("apply", "site")
    assert "came back, and it does not have this" in done.stdout
    assert there(person) == ["a", "b"]
    person.froyo("approve", "--all", "--reason", "a real revert")
    person.froyo("apply", "site")
    assert there(person) == ["a"]


def test_of_two_directories_that_claim_one_file_the_first_keeps_it(person):
    other = person.base / "other"
    other.mkdir()
    shutil.copy(person.site / "target.yaml", other)
    (person.site / "files.yaml").unlink()
    files(person, "a")
    text = FILE.format(name="claim", deletion="delete").replace("@/claim", "@/a")
    with person.up():
        person.froyo("wait", "--timeout", "60s")
    (other / "claim.yaml").write_text(text.replace("@", str(person.machine)))
    with person.up(other):
        person.froyo("wait", "--timeout", "60s")
        person.until(lambda: len(person.json("get", "sources")["items"]) == 2)
        person.until(lambda: any(view["problems"] for view in person.json("get", "sources")["items"]))
        [refused] = [view for view in person.json("get", "sources")["items"] if view["problems"]]
        assert refused["name"] == str(other)
        assert len(refused["problems"]) == 1, "\n".join(refused["problems"])
        [problem] = refused["problems"]
        assert problem.startswith(
            f"{other}/claim.yaml:1: File/claim on here ({person.machine}/a) is declared by another source already"
        )
        assert f"{person.site}/a.yaml:1" in problem
        assert (person.machine / "a").read_text() == "a\n"
        # It is the other one's as soon as the first lets it go, and was there all the time.
        inode = (person.machine / "a").stat().st_ino
        (person.site / "a.yaml").unlink()
        person.until(lambda: [v["address"] for v in person.json("get")["items"]] == ["here/File/claim"])
        assert (person.machine / "a").exists()
        assert inode


SOURCE = """\
apiVersion: froyo.dev/v1alpha1
kind: Source
metadata: {name: other}
spec: {directory: {path: ../other}}
"""


def test_a_source_that_is_declared_is_served_as_soon_as_it_is_there(person):
    other = person.base / "other"
    (person.site / "files.yaml").unlink()
    files(person, "a")
    person.write("source.yaml", SOURCE)
    with person.up():
        person.until(lambda: len(person.json("get", "sources")["items"]) == 2)
        person.until((person.machine / "a").exists)
        other.mkdir()
        shutil.copy(person.site / "target.yaml", other)
        text = FILE.format(name="b", deletion="delete").replace("@", str(person.machine))
        (other / "b.yaml").write_text(text)
        person.until((person.machine / "b").exists)
        person.froyo("wait", "--timeout", "60s")
        assert str(other) in person.froyo("status").stdout
        # What one of them drops is its own.
        (other / "b.yaml").unlink()
        person.until(lambda: there(person) == ["a"])
        assert "in force" in person.froyo("forget", other, status=1).stderr
        # When nothing says any more that it is to be served, it is not, and all that it declared stays.
        (other / "b.yaml").write_text(text)
        person.until((person.machine / "b").exists)
        person.froyo("wait", "--timeout", "60s")
        (person.site / "source.yaml").unlink()
        person.until(lambda: len(person.json("get", "sources")["items"]) == 1)
        (person.machine / "b").write_text("theirs\n")
        (other / "b.yaml").unlink()
        person.write("source.yaml", SOURCE.replace("../other", "../third"))
        person.until(lambda: len(person.json("get", "sources")["items"]) == 2)
        assert (person.machine / "b").read_text() == "theirs\n"
        said = person.froyo("events", "--object", f"Source{other}").stdout
        assert f"stays as it is, and on record until: froyo forget {other}" in " ".join(said.split())
    # And when it is gone for good it can be forgotten.
    shutil.rmtree(other)
    (person.site / "source.yaml").unlink()
    assert str(other) in person.froyo("get", "sources").stdout
    person.froyo("forget", other.name)
    assert str(other) not in person.froyo("get", "sources").stdout


def test_what_another_source_declares_by_now_is_its_own_when_the_former_one_is_forgotten(person):
    (person.site / "files.yaml").unlink()
    files(person, "a", "b")
    former = shutil.copytree(person.site, person.base / "former")
    person.froyo("apply", former)
    before = {name: (person.machine / name).stat().st_mtime_ns for name in "ab"}
    with person.up():
        person.until(lambda: len(person.json("get", "sources")["items"]) == 1)
        person.froyo("wait", "--timeout", "60s")
        # The daemon serves it no longer, and knows it by its revisions.
        assert f"forgotten: {former}; nothing" in person.froyo("forget", former.name).stdout
        assert {name: (person.machine / name).stat().st_mtime_ns for name in "ab"} == before
        dropped(person, "a")
        person.until(lambda: there(person) == ["b"])


def test_a_directory_that_is_not_there_yet_is_waited_for_when_that_is_wanted(person):
    later = person.base / "later"
    (person.site / "files.yaml").unlink()
    assert "--wait waits for one" in person.froyo("up", later, status=1).stderr
    with person.up(later, "--wait"):
        person.until(lambda: len(person.json("get", "sources")["items"]) == 2)
        later.mkdir()
        shutil.copy(person.site / "target.yaml", later)
        text = FILE.format(name="b", deletion="delete").replace("@", str(person.machine))
        (later / "b.yaml").write_text(text)
        person.until(lambda: there(person) == ["b"])


def test_a_daemon_has_removals_approved_and_forgotten(person):
    (person.site / "files.yaml").unlink()
    files(person, "a", "b", "c", deletion="confirm")
    with person.up():
        person.until(lambda: there(person) == ["a", "b", "c"])
        person.froyo("wait", "--timeout", "60s")
        dropped(person, "a", "b")
        person.until(lambda: [v["reason"] for v in person.json("get")["items"]].count("PruneHeld") == 2)
        person.until(lambda: "froyo approve here/File/a" in person.froyo("get").stdout)
        assert "is declared; take its manifest away" in person.froyo("forget", "here/File/c", status=1).stderr
        person.until(lambda: _held(person) == 2)
        assert person.froyo("approve", "here/File/a", "--reason", "unused").stdout == "approved here/File/a\n"
        person.until(lambda: there(person) == ["b", "c"])
        person.froyo("forget", "here/File/b")
        person.until(lambda: [v["address"] for v in person.json("get")["items"]] == ["here/File/c"])
        assert there(person) == ["b", "c"]


def _held(person):
    events = person.json("events", "--reason", "PruneHeld")["items"]
    return len({event["object"] for event in events})
