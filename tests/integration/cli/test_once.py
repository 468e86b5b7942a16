"""The commands that run once, as a person types them: real processes, real files."""

import io
import json
import os
import shlex
import shutil
import signal
import stat
import subprocess
import tarfile

import pytest

from tests.integration.cli.conftest import FILES, PATIENCE

AWAY = """\
apiVersion: froyo.dev/v1alpha1
kind: Target
metadata: {name: away}
spec: {ssh: {host: 127.0.0.1, port: 1, user: nobody}}
---
apiVersion: linux.froyo.dev/v1alpha1
kind: File
metadata: {name: note}
spec: {target: away, path: /tmp/motd, content: "hello\\n"}
"""


def ctimes(directory):
    return {path: path.lstat().st_ctime_ns for path in [directory, *directory.rglob("*")]}


def test_the_life_of_a_file_from_plan_to_repair(person):
    plan = person.froyo("plan", person.site, status=2)
    assert "+ File/motd" in plan.stdout
    assert plan.stdout.endswith("Plan: 2 to create, 0 to change, 0 to remove, 0 in sync, on 1 target\n")
    assert not (person.machine / "etc").exists()

    applied = person.froyo("apply", person.site).stdout
    assert f"  + File/motd  {person.machine}/etc/motd  created\n" in applied
    assert "Applied: 2 created, 0 as declared before, on 1 target" in applied
    assert (person.machine / "etc" / "motd").read_text() == "hello\n"

    before = ctimes(person.machine)
    nothing = "nothing to do: 2 instances on 1 target are as declared\n"
    assert person.real("apply", person.site).stdout == nothing
    assert person.froyo("apply", person.site, "-v").stdout == nothing  # the long way, too
    assert person.froyo("plan", person.site).stdout == nothing
    assert person.froyo("diff", person.site).stdout == nothing
    assert ctimes(person.machine) == before

    (person.machine / "etc" / "motd").write_text("spoiled\n")
    diff = person.froyo("diff", person.site, status=2).stdout
    assert f"↻ File/motd  {person.machine}/etc/motd   drift" in diff
    assert "-spoiled\n" in diff
    assert "+hello\n" in diff
    document = person.json("apply", person.site)
    [change] = document["targets"][0]["changed"]
    assert (change["address"], change["reason"], change["cause"]) == ("here/File/motd", "Repaired", "drift")
    assert (person.machine / "etc" / "motd").read_text() == "hello\n"

    assert "Repaired" in person.froyo("history", "-v").stdout + person.froyo("events", "-v").stdout
    described = person.froyo("describe", "File/motd").stdout
    assert "files.yaml:6" in described
    assert "put back at a rescan" in described


def test_what_is_known_is_told_from_the_store(person):
    person.froyo("apply", person.site)
    status = person.json("status")
    assert (status["live"], status["instances"], status["counts"]) == (False, 2, {"Applied": 2})
    assert "no daemon runs" in person.froyo("status").stdout
    assert person.froyo("get", "-o", "name").stdout == "here/Directory/etc\nhere/File/motd\n"
    assert person.froyo("get", "-l", "tier=web", "-o", "name").stdout == "here/File/motd\n"
    assert "files.yaml:6" in person.froyo("get", "files", "-o", "wide").stdout
    assert person.froyo("get", "files", "-o", "yaml").stdout.startswith("apiVersion: froyo.dev/v1alpha1\n")
    assert "here" in person.froyo("get", "targets").stdout
    for words in (("get",), ("get", "targets"), ("get", "-o", "wide"), ("describe", "File/motd")):
        assert (
            person.froyo(*words).stderr == f"no daemon runs; this is what the store in {person.state} knows\n"
        )
        assert person.froyo(*words, "-q").stderr == ""
    assert person.froyo("get", "-o", "name").stderr == person.froyo("get", "-o", "json").stderr == ""
    (person.machine / "etc" / "motd").write_text("spoiled\n")
    waited = person.froyo("wait", "--timeout", "1s", status=1)
    assert waited.stdout == ""
    assert "no daemon listens on" in waited.stderr
    assert "nobody works towards it" in waited.stderr
    assert "matches 'Nope'" in person.froyo("get", "Nope", status=1).stderr
    assert "froyo apply DIR" in person.froyo("reconcile", status=1).stderr
    person.froyo("doctor")
    assert person.json("doctor")["healthy"] is True


def test_a_target_that_was_not_reached_is_on_record_with_all_that_is_declared_on_it(person):
    """Nobody who looks later may be told that all is well where nobody could look."""
    person.froyo("apply", person.site)
    person.write("away.yaml", AWAY)
    person.froyo("apply", person.site, status=1)
    status = person.json("status", status=1)
    assert {one["name"]: one["conditions"][0]["status"] for one in status["targets"]} == {
        "away": "False",
        "here": "True",
    }
    assert (status["instances"], status["counts"]) == (3, {"Applied": 2, "Unreachable": 1})
    assert [(view["address"], view["ready"]) for view in status["notReady"]] == [
        ("away/File/note", "Unknown")
    ]
    assert status["notReady"][0]["message"].startswith("never looked at; ")
    shown = person.froyo("status", status=1).stdout
    assert "2 of 3 instances as declared" in shown
    assert "unreachable" in person.froyo("get", "targets", "--target", "away").stdout
    assert "connected as " in person.froyo("get", "targets", "--target", "here").stdout
    person.froyo("apply", person.site, status=1)
    [event] = person.json("events", "--object", "Target/away")["items"]
    assert (event["type"], event["reason"]) == ("Warning", "Unreachable")
    (person.site / "away.yaml").unlink()
    person.froyo("apply", person.site)
    status = person.json("status")
    assert ([one["name"] for one in status["targets"]], status["instances"]) == (["here"], 2)


def test_a_slip_of_the_pen_is_met_with_what_was_probably_meant(person):
    person.froyo("apply", person.site)
    for words, meant in (
        (("get", "flies"), "'files'"),
        (("get", "targts"), "'targets'"),
        (("get", "-l", "teir=web"), "'tier=web'"),
        (("describe", "File/mtod"), "'File/motd'"),
        (("suspend", "here/Fiel/motd", "--reason", "x"), "'here/File/motd'"),
        (("resume", "hree"), "'here'"),
        (("wait", "mtod"), "'File/motd'"),
        (("history", "--target", "hree"), "'here'"),
        (("wait", "--for", "redy"), "'ready'"),
        (("wait", "--for", "reason=Suspnded"), "'Suspended'"),
        (("diff", person.site, "--target", "hree"), "'here'"),
        (("plan", person.site, "-l", "tier=wbe"), "'tier=web'"),
        (("events", "--object", "here/File/mtod"), "'here/File/motd'"),
        (("events", "--object", "Target/hree"), "'Target/here'"),
        (("events", "--reason", "Repared"), "'Repaired'"),
    ):
        said = person.froyo(*words, status=1)
        assert f"did you mean {meant}?" in said.stderr
        assert said.stdout == ""
    assert "no value after ==" in person.froyo("get", "-l", "tier==", status=1).stderr
    assert "such as here/File/motd" in person.froyo("events", "--object", "File/motd", status=1).stderr
    assert "always lists all" in person.froyo("get", "targets", "-l", "tier=web", status=1).stderr
    assert "always lists all" in person.froyo("get", "sources", "--target", "here", status=1).stderr
    assert "did you mean 'here'?" in person.froyo("get", "targets", "--target", "hree", status=1).stderr
    assert person.froyo("get", "targets", "--target", "here", "-o", "name").stdout == "here\n"
    # What is known and to which nothing has happened is no slip.
    assert (
        person.froyo("events", "--object", "here/File/motd", "--reason", "repaired").stderr
        == "no event matches\n"
    )
    assert person.json("events", "--object", "Source/")["items"] == []
    assert person.froyo("get", "here/FILES", "-o", "name").stdout == "here/File/motd\n"
    assert person.froyo("diff", person.site, "-l", "tier=web").stdout.startswith(
        "nothing to do: 1 instance on"
    )


def test_nothing_is_known_before_anything_was_applied(person):
    assert "froyo apply DIR" in person.froyo("status", status=1).stderr
    assert not person.state.exists()
    person.froyo("validate", person.site)
    person.froyo("doctor")
    assert not person.state.exists()


def test_a_saved_plan_does_what_it_showed_and_refuses_what_has_moved(person):
    person.froyo("apply", person.site)
    motd = person.machine / "etc" / "motd"
    person.write("more.yaml", FILE.format(name="other", text="new"))
    motd.write_text("first\n")
    person.froyo("plan", person.site, "--out", "next.plan", status=2)
    assert stat.S_IMODE((person.base / "next.plan").stat().st_mode) == 0o600
    motd.write_text("second\n")
    refused = person.froyo("apply", "--plan", "next.plan", status=1).stdout
    assert "✘ File/motd" in refused
    assert "changed since the plan was saved" in refused
    assert motd.read_text() == "second\n"
    assert (person.machine / "etc" / "other").read_text() == "new"
    person.froyo("plan", person.site, "--out", "next.plan", status=2)
    person.froyo("apply", "--plan", "next.plan")
    assert motd.read_text() == "hello\n"
    other = person.froyo("apply", person.machine, "--plan", "next.plan", status=1)
    assert "it was made from" in other.stderr


FILE = """\
apiVersion: linux.froyo.dev/v1alpha1
kind: File
metadata: {{name: {name}}}
spec: {{target: here, path: "@/etc/{name}", content: "{text}"}}
"""


def test_errors_name_the_place_and_what_to_do(person):
    person.write(
        "bad.yaml", FILE.format(name="x", text="y").replace("content", "contnt").replace("here", "her")
    )
    for command, stream in (("validate", "stdout"), ("plan", "stderr"), ("apply", "stderr")):
        text = getattr(person.froyo(command, person.site, status=1), stream)
        assert "bad.yaml:4:" in text
        assert "did you mean 'content'?" in text
        assert "^" in text
    problems = person.json("validate", person.site, status=1)["problems"]
    assert {problem["file"] for problem in problems} == {"bad.yaml"}
    (person.site / "bad.yaml").unlink()
    assert "there is: here" in person.froyo("plan", "--target", "nope", "site", status=1).stderr


def test_a_target_that_cannot_be_reached_costs_the_others_nothing(person):
    person.write(
        "far.yaml",
        """\
apiVersion: froyo.dev/v1alpha1
kind: Target
metadata: {name: far}
spec: {ssh: {host: 127.0.0.1, port: 9, user: nobody}}
---
apiVersion: linux.froyo.dev/v1alpha1
kind: File
metadata: {name: far}
spec: {target: far, path: /tmp/never, content: ""}
""",
    )
    applied = person.froyo("apply", person.site, status=1).stdout
    assert f"File/motd  {person.machine}/etc/motd  created" in applied
    assert "1 of them unreachable" in applied
    assert "could not be planned" in person.froyo("plan", person.site, status=1).stdout
    assert person.froyo("plan", person.site, "--target", "here").stdout.startswith("nothing to do")


def test_what_cannot_be_written_says_why_and_what_to_do_in_words_for_people(person):
    person.write("files.yaml", FILE.format(name="x", text="y"))
    said = person.froyo("apply", person.site, status=1)
    told = f"{person.machine}/etc does not exist; declare a Directory for it"
    assert f"✘ File/x  {person.machine}/etc/x  {told}" in said.stdout
    assert told in person.froyo("events", "--warnings").stdout
    for word in ("TransientError", "file.write", "enoent"):
        assert word not in said.stdout + person.froyo("events").stdout
    [failed] = person.json("apply", person.site, status=1)["targets"][0]["failed"]
    assert (failed["address"], failed["reason"]) == ("here/File/x", "TransientError")
    assert failed["message"].startswith(str(person.machine))


def test_a_suspension_holds_without_a_daemon_too(person):
    person.froyo("apply", person.site)
    motd = person.machine / "etc" / "motd"
    motd.write_text("mine\n")
    told = person.froyo("suspend", "File/motd", "--reason", "trying something", "--until", "2h").stdout
    assert told.startswith("suspended File/motd on every target until ")
    left = person.froyo("apply", person.site).stdout
    assert f"! File/motd  {motd}  suspended by" in left
    assert "1 left alone" in left
    assert motd.read_text() == "mine\n"
    assert "trying something" in person.froyo("describe", "File/motd").stdout
    assert "trying something" in person.froyo("get", "suspensions").stdout
    assert "not suspended" in person.froyo("resume", "Directory/etc", status=1).stderr
    assert person.froyo("resume", "File/motd").stdout == "resumed File/motd on every target\n"
    person.froyo("apply", person.site)
    assert motd.read_text() == "hello\n"
    person.froyo("suspend", "here/File/motd", "--reason", "it alone")
    person.froyo("suspend", "here", "--reason", "maintenance")
    told = person.froyo("resume", "File/motd").stdout
    assert told.startswith("the suspension of here/File/motd has ended, and that of here goes on\n")
    assert told.endswith(": froyo resume here\n")
    assert (
        "suspended through here; resume that: froyo resume here"
        in person.froyo("resume", "File/motd", status=1).stderr
    )
    assert person.froyo("resume", "--all").stdout == "resumed here\n"
    assert person.froyo("resume", "--all").stdout == "nothing was suspended\n"
    assert "--all" in person.froyo("resume", status=1).stderr
    assert person.froyo("suspend", "all", "--reason", "x").stdout.startswith(
        "suspended everything until it is resumed"
    )
    assert (
        "through everything; resume that: froyo resume all" in person.froyo("resume", "here", status=1).stderr
    )
    assert person.froyo("resume", "all").stdout == "resumed everything\n"
    assert "reason" in person.froyo("suspend", "here", "--reason", " ", status=1).stderr


def test_a_suspension_says_which_one_it_takes_the_place_of_and_the_audit_log_has_both(person):
    person.froyo("apply", person.site)
    person.froyo("suspend", "here/File/motd", "--reason", "testing a limit", "--until", "10m")
    told = person.froyo("suspend", "here/File/motd", "--reason", "a release").stderr
    assert "here/File/motd was suspended by " in told
    assert "(testing a limit); this takes the place of that" in told
    trail = person.froyo("audit").stdout
    assert "reason=testing a limit, until=" in trail
    assert "reason=a release\n" in trail


def test_a_backup_below_a_purged_directory_stays(person):
    """The second apply removed what the first had made, and said that somebody had put it there."""
    motd = person.machine / "etc" / "motd"
    motd.parent.mkdir(mode=0o755)
    motd.write_text("mine\n")
    declared = person.site / "files.yaml"
    text = declared.read_text().replace('mode: "0755"', 'mode: "0755", purge: true')
    declared.write_text(text.replace('mode: "0644"', 'mode: "0644", backup: .orig'))
    assert "2 instances" in person.froyo("validate", person.site).stdout
    person.froyo("apply", person.site)
    assert (person.machine / "etc" / "motd.orig").read_text() == "mine\n"
    declared.write_text(f"# read again\n{declared.read_text()}")
    assert "nothing to do" in person.froyo("apply", person.site).stdout
    assert (person.machine / "etc" / "motd.orig").read_text() == "mine\n"


def test_a_purge_takes_nothing_that_another_directory_declares(person):
    """It removed what the other one had always left alone, since nothing of it was on record as ours."""
    other = person.base / "other"
    other.mkdir()
    shutil.copy(person.site / "target.yaml", other)
    (person.machine / "d").mkdir()
    (person.machine / "d" / "theirs").write_text("mine\n")
    (person.machine / "d" / "litter").write_text("x")
    (other / "site.yaml").write_text(
        "apiVersion: linux.froyo.dev/v1alpha1\nkind: File\nmetadata: {name: theirs}\n"
        f'spec: {{target: here, path: "{person.machine}/d/theirs", content: x, policy: observe}}\n'
    )
    (person.site / "files.yaml").write_text(
        "apiVersion: linux.froyo.dev/v1alpha1\nkind: Directory\nmetadata: {name: d}\n"
        f'spec: {{target: here, path: "{person.machine}/d", purge: true}}\n'
    )
    person.froyo("apply", other)
    planned = person.froyo("plan", person.site, status=2).stdout
    assert "litter" in planned
    assert "theirs" not in planned
    person.froyo("apply", person.site)
    assert [path.name for path in (person.machine / "d").iterdir()] == ["theirs"]


def test_a_purged_directory_keeps_what_froyo_itself_needs(person):
    """It took the manifests and the store with all that was kept, said "Applied", and ended with 0."""
    (person.base / "diary").write_text("mine")
    (person.site / "files.yaml").write_text(
        "apiVersion: linux.froyo.dev/v1alpha1\nkind: Directory\nmetadata: {name: all}\n"
        f'spec: {{target: here, path: "{person.base}", purge: true}}\n'
    )
    planned = person.froyo("plan", person.site, status=2).stdout
    assert "diary" in planned
    assert "site" not in planned.partition("entries")[2].partition("Plan:")[0]
    person.froyo("apply", person.site)
    assert sorted(path.name for path in person.base.iterdir() if path.name != "daemon.log") == ["s", "site"]
    assert "nothing to do" in person.froyo("apply", person.site).stdout


def test_a_link_on_the_way_to_it_takes_nothing_of_froyo_away(person):
    (person.base / "far").symlink_to(".")
    (person.base / "diary").write_text("mine")
    (person.site / "files.yaml").write_text(
        "apiVersion: linux.froyo.dev/v1alpha1\nkind: Directory\nmetadata: {name: all}\n"
        f'spec: {{target: here, path: "{person.base.parent}/{person.base.name}/far/machine", purge: true}}\n'
    )
    state = person.machine / "kept" / "s"
    (person.machine / "stranger").write_text("x")
    person.froyo("apply", person.site, FROYO_STATE=str(state))
    assert [path.name for path in person.machine.iterdir()] == ["kept"]
    assert (state / "froyo.db").exists()


def test_a_backup_of_what_is_to_be_absent_holds_nothing_up(person):
    (person.machine / "q").mkdir()
    (person.machine / "q" / "f").write_text("x")
    (person.machine / "q" / "f.orig").write_text("x")
    (person.site / "files.yaml").write_text(
        "apiVersion: linux.froyo.dev/v1alpha1\nkind: Directory\nmetadata: {name: q}\n"
        f'spec: {{target: here, path: "{person.machine}/q", state: absent, force: true}}\n'
        "---\napiVersion: linux.froyo.dev/v1alpha1\nkind: File\nmetadata: {name: f}\n"
        f'spec: {{target: here, path: "{person.machine}/q/f", state: absent, backup: .orig}}\n'
    )
    person.froyo("apply", person.site)
    assert not (person.machine / "q").exists()


def test_labels_that_change_alone_are_known_without_a_daemon_too(person):
    """They make no generation: there is nothing to apply, and nothing was recorded."""
    person.froyo("apply", person.site)
    declared = person.site / "files.yaml"
    declared.write_text("# one line more\n" + declared.read_text().replace("tier: web", "tier: db"))
    assert "nothing to do" in person.froyo("apply", person.site).stdout
    assert person.froyo("get", "-l", "tier=db", "-o", "name").stdout == "here/File/motd\n"
    assert "tier is: db" in person.froyo("get", "-l", "tier=web", status=1).stderr
    [item] = person.json("describe", "File/motd")["items"]
    assert item["metadata"]["labels"] == {"tier": "db"}
    assert item["generation"] == 1
    # What only a part of the directory was looked at for is no less than all of it.
    declared.write_text(declared.read_text().replace("tier: db", "tier: cache"))
    person.froyo("apply", person.site, "--target", "here")
    assert person.froyo("get", "-l", "tier=db", "-o", "name").stdout == "here/File/motd\n"
    person.froyo("apply", person.site)
    assert person.froyo("get", "-l", "tier=cache", "-o", "name").stdout == "here/File/motd\n"


def test_what_others_are_required_by_need_not_have_the_label_that_was_asked_for(person):
    """It was refused: "require names File/other, which is not declared for target here"."""
    (person.site / "more.yaml").write_text(
        "apiVersion: linux.froyo.dev/v1alpha1\nkind: File\nmetadata: {name: first}\n"
        f'spec: {{target: here, path: "{person.machine}/first", content: one}}\n'
        "---\napiVersion: linux.froyo.dev/v1alpha1\nkind: File\nmetadata: {name: second, labels: {only: this}}\n"
        f'spec: {{target: here, path: "{person.machine}/second", content: two, require: [File/first]}}\n'
    )
    person.froyo("apply", person.site, "-l", "only=this")
    assert (person.machine / "second").read_text() == "two"
    assert not (person.machine / "first").exists()


def test_what_is_no_longer_declared_is_no_longer_looked_at(person):
    person.froyo("apply", person.site)
    other = person.base / "other"
    other.mkdir()
    told = person.froyo("apply", other)
    assert "nothing is declared" in told.stdout
    assert person.froyo("get", "-o", "name").stdout.count("\n") == 2
    (person.site / "files.yaml").write_text("# nothing any more\n")
    foreseen = person.froyo("plan", person.site).stderr
    said = person.froyo("apply", person.site).stderr
    assert said == foreseen == "2 instances are no longer declared, and stay as they are on their targets\n"
    assert person.froyo("get", "-o", "name").stdout == ""
    assert "no longer declared" in person.froyo("events").stdout
    assert (person.machine / "etc" / "motd").exists()


def test_a_directory_that_was_emptied_is_refused_and_nothing_is_given_up(person):
    """A mount that is gone looks like an empty directory: everything was forgotten, with exit status 0."""
    person.froyo("apply", person.site)
    for path in person.site.iterdir():
        path.rename(person.base / path.name)
    for command in ("apply", "plan", "diff"):
        refused = person.froyo(command, person.site, status=1)
        assert "no manifest is left in it" in refused.stderr
        assert "leave the targets declared" in refused.stderr
    assert person.froyo("get", "-o", "name").stdout == "here/Directory/etc\nhere/File/motd\n"
    assert "no longer declared" not in person.froyo("events").stdout
    assert (person.machine / "etc" / "motd").exists()
    (person.base / "target.yaml").rename(person.site / "target.yaml")
    person.froyo("apply", person.site)
    assert person.froyo("get", "-o", "name").stdout == ""
    assert (person.machine / "etc" / "motd").exists()


@pytest.mark.parametrize("options", [[], ["--solo"]])
def test_what_init_writes_is_valid_and_nothing_is_overwritten(person, options):
    directory = person.base / "new"
    told = person.froyo("init", directory, *options).stdout
    assert told.count("wrote ") == 4  # with the schemas that an editor goes by
    before = written(directory)
    assert "valid: 2 instances on 1 target" in person.froyo("validate", directory).stdout
    assert "there already" in person.froyo("init", directory, *options, status=1).stderr
    assert written(directory) == before


def written(directory):
    return {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def test_a_reader_that_has_had_enough_is_no_error_of_ours(person):
    import subprocess

    person.froyo("apply", person.site)
    done = subprocess.run(
        [
            "bash",
            "-c",
            f"{' '.join(person.command('get', '-o', 'json'))} | head -c 1; echo ${{PIPESTATUS[0]}}",
        ],
        capture_output=True,
        text=True,
        env=person.environ,
        check=True,
    )
    assert done.stdout.split()[0].startswith("{")
    assert done.stderr == ""


def test_a_pipe_gets_no_escape_and_a_c_locale_only_ascii(person):
    person.froyo("apply", person.site)
    os.chmod(person.machine / "etc" / "motd", 0o600)
    for environ in ({"COLUMNS": "20"}, {"LC_ALL": "C"}):
        done = person.real("plan", person.site, status=2, **environ)
        assert "\x1b" not in done.stdout + done.stderr
        if "LC_ALL" in environ:
            assert done.stdout.isascii()
            assert "0600 -> 0644" in done.stdout
        else:
            assert "0600 → 0644" in done.stdout


def test_documents_have_a_version_and_a_kind(person):
    person.froyo("apply", person.site)
    kinds = {
        "status": "Status",
        "get": "ResourceList",
        "events": "EventList",
        "history": "RunList",
        "doctor": "Checks",
        "version": "Version",
    }
    for command, kind in kinds.items():
        document = person.json(command)
        assert (document["apiVersion"], document["kind"]) == ("froyo.dev/v1alpha1", kind)
    for command, kind in {"plan": "PlanList", "apply": "ApplyResult", "validate": "Validation"}.items():
        assert person.json(command, person.site)["kind"] == kind
    assert person.json("describe", "File/motd")["kind"] == "DescriptionList"
    assert json.loads(person.froyo("diff", person.site, "-o", "json").stdout)["kind"] == "PlanList"


@pytest.mark.parametrize("missing", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_standard_stream_that_is_missing_is_no_reason_to_fail(person, missing):
    for _ in range(2):
        command = shlex.join(person.command("apply", person.site))
        done = subprocess.run(["/bin/sh", "-c", f"{command} {missing}"], env=person.environ, check=False)
        assert done.returncode == 0
    assert (person.machine / "etc" / "motd").read_text() == "hello\n"


def test_a_directory_whose_name_is_no_text_is_a_source_like_any_other(person):
    site = os.fsdecode(os.fsencode(person.base) + b"/caf\xe9")
    person.site.rename(site)
    assert "2 created" in person.froyo("apply", site).stdout
    assert "nothing to do" in person.froyo("apply", site, "-v").stdout
    assert "2 of 2 instances as declared" in person.froyo("status").stdout
    assert "valid" in person.froyo("validate", site).stdout


@pytest.mark.parametrize("ends", [signal.SIGINT, signal.SIGKILL])
def test_an_apply_that_is_cut_off_is_called_so_at_the_latest_by_the_next_one(person, ends):
    slow = f'validate: [/bin/sh, -c, "touch {person.machine}/begun; sleep 60 # %s"]'
    person.write("files.yaml", FILES.replace('mode: "0644"', f'mode: "0644", {slow}'))
    applying = subprocess.Popen(
        person.command("apply", person.site),
        env=person.environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    person.until((person.machine / "begun").exists)
    os.killpg(applying.pid, ends)
    _, said = applying.communicate(timeout=PATIENCE)
    if ends == signal.SIGINT:
        assert b"froyo: interrupted; what was done" in said
        assert b"Traceback" not in said
        assert "1 cut off" in person.froyo("history").stdout
    status = person.json("status")
    assert status["ready"] < status["instances"]
    assert "here/File/motd" in person.froyo("get", person.machine / "etc" / "motd").stdout
    person.write("files.yaml", FILES)
    person.froyo("apply", person.site)
    told = person.froyo("history").stdout
    assert "not ended" not in told
    assert "interrupted: " in told


def test_a_saved_plan_brings_a_directory_and_what_is_to_be_in_it(person):
    person.froyo("plan", person.site, "--out", "next.plan", status=2)
    person.froyo("apply", "--plan", "next.plan")
    assert (person.machine / "etc" / "motd").read_text() == "hello\n"


def test_a_plan_names_what_comes_first_at_first(person):
    """It named all of one package, then all of the next: handlers before what causes them."""
    (person.site / "files.yaml").write_text(
        "apiVersion: linux.froyo.dev/v1alpha1\nkind: Exec\nmetadata: {name: before}\n"
        f'spec: {{target: here, argv: [/bin/true], creates: "{person.machine}/made"}}\n'
        "---\napiVersion: linux.froyo.dev/v1alpha1\nkind: File\nmetadata: {name: cause}\n"
        f'spec: {{target: here, path: "{person.machine}/cause", content: one, require: [Exec/before],'
        " notify: [Exec/handler]}\n"
        "---\napiVersion: linux.froyo.dev/v1alpha1\nkind: Exec\nmetadata: {name: handler}\n"
        "spec: {target: here, argv: [/bin/true], refreshOnly: true}\n"
    )
    plan = json.loads(person.froyo("plan", person.site, "-o", "json", status=2).stdout)
    named = [unit["address"] for unit in plan["items"][0]["units"]]
    assert named == ["here/Exec/before", "here/File/cause", "here/Exec/handler"]


def test_of_an_archive_a_plan_shows_what_is_in_it(person):
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        for name in ("app-1/bin/run", "app-1/README"):
            member = tarfile.TarInfo(name)
            member.size = 3
            archive.addfile(member, io.BytesIO(b"abc"))
    (person.site / "app.tgz").write_bytes(made.getvalue())
    person.write(
        "app.yaml",
        """\
apiVersion: linux.froyo.dev/v1alpha1
kind: Archive
metadata: {name: app}
spec: {target: here, path: "@/app", source: app.tgz}
""",
    )
    said = person.froyo("plan", person.site, status=None).stdout
    assert "2 entries, 6 bytes, all below app-1/" in said
    assert "+README" in said
    assert "+bin/ (1)" in said
