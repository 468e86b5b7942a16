"""Programs beside manifests, by the commands and the daemon, on this machine."""

import platform

from tests.integration.cli.conftest import FILES

MAIN = """\
load("//lib/etc.star", "etc_file")

def main(ctx):
    print("for", ctx.settings.get("stage", "dev"))
    return [
        etc_file(t.name, "stage", ctx.settings.get("stage", "dev") + "\\n")
        for t in ctx.targets
        if t.labels.get("role") == "test"
    ] + [
        etc_file(t.name, "kernel", t.facts.kernel.release + "\\n")
        for t in ctx.targets
        if t.facts
    ]
"""
LIB = """\
def etc_file(target, name, content):
    return file(
        name = "made-" + name,
        target = target,
        path = "@/etc/" + name,
        content = content,
        mode = "0644",
    )
"""
SOURCE = """\
apiVersion: froyo.dev/v1alpha1
kind: Source
metadata: {name: other}
spec: {directory: {path: ../other}, settings: {word: %s}}
"""
OTHER = """\
def main(ctx):
    return [
        target(name = "here", labels = {"role": "test"}, **{"local": {}}),
        file(name = "other", namespace = "other", target = "here", path = "@/other", content = ctx.settings["word"]),
    ]
"""
BOMB = "def main(ctx):\n    return [len('x' * 1000000000) for turn in range(100)]\n"


def test_what_programs_make_is_planned_applied_and_changed(person):
    (person.site / "lib").mkdir()
    person.write("main.star", MAIN)
    person.write("lib/etc.star", LIB)
    done = person.froyo("apply", person.site)
    assert "main.star:4:5: print: for dev" in done.stderr
    assert (person.machine / "etc" / "stage").read_text() == "dev\n"
    assert (person.machine / "etc" / "kernel").read_text() == platform.release() + "\n"
    assert "nothing to do" in person.froyo("apply", person.site).stdout

    plan = person.froyo("plan", person.site, "--set", "stage=prod", status=2).stdout
    assert "site/lib/etc.star:2" in plan
    assert "+prod" in plan
    assert "1 to change" in plan
    saved = person.base / "plan.json"
    person.froyo("plan", person.site, "--set", "stage=prod", "--out", saved, status=2)
    other = person.froyo("apply", "--plan", saved, "--set", "stage=dev", status=1).stderr
    assert "it was made with other settings; leave --set out, or plan again" in other
    person.froyo("apply", "--plan", saved)
    assert (person.machine / "etc" / "stage").read_text() == "prod\n"
    assert "1 to change" in person.froyo("plan", person.site, status=2).stdout
    assert "site/lib/etc.star:2" in person.froyo("describe", "File/made-stage").stdout

    person.write("lib/etc.star", LIB.replace('"0644"', '"rw"'))
    refused = person.froyo("validate", person.site, status=1).stdout
    assert "lib/etc.star:7:16: spec.mode cannot be 'rw'" in refused
    assert 'mode = "rw",' in refused
    person.write("lib/etc.star", LIB.replace("content = content", "content = nothing"))
    assert "lib/etc.star:6:19: undefined: nothing" in person.froyo("validate", person.site, status=1).stdout


def test_a_program_that_has_no_end_holds_up_nobody_else(person):
    other = person.base / "other"
    other.mkdir()

    def write(text):
        (other / "main.star").write_text(text.replace("@", str(person.machine)))

    write(OTHER)
    person.write("source.yaml", SOURCE % "one")
    with person.up():
        made, motd = person.machine / "other", person.machine / "etc" / "motd"
        person.until(lambda: made.exists() and made.read_text() == "one")
        # What is set is another word: nothing else has changed.
        person.write("source.yaml", SOURCE % "two")
        person.until(lambda: made.read_text() == "two")
        write(BOMB)
        person.write("files.yaml", FILES.replace("hello", "while it is evaluated"))
        person.until(lambda: motd.read_text() == "while it is evaluated\n")
        person.until(
            lambda: "it needs more than 768 MiB of memory" in person.froyo("status", status=None).stdout
        )
        # The last good revision stays in force.
        made.write_text("spoiled")
        person.until(lambda: made.read_text() == "two")
        write(OTHER.replace('["word"]', '["word"] + "!"'))
        person.until(lambda: made.read_text() == "two!")
    # What was set is on record with the revision: a daemon that is started again knows it, whatever it reads first.
    made.write_text("spoiled")
    with person.up():
        person.until(lambda: made.read_text() == "two!")
