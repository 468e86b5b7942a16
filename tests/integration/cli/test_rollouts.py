"""A change reaches its targets wave by wave, with the real commands and the real daemon."""

import signal

TARGETS = "---\n".join(
    "apiVersion: froyo.dev/v1alpha1\nkind: Target\n"
    f"metadata: {{name: {name}, labels: {{role: web}}}}\nspec: {{local: {{}}}}\n"
    for name in ("a", "b", "c")
)
FILE = """\
apiVersion: linux.froyo.dev/v1alpha1
kind: File
metadata: {{name: page}}
spec:
  targets: {{}}
  path: "@/${{target.name}}"
  content: "{text}\n"
  validate: [grep, -q, good, "%s"]
"""
ROLLOUT = """\
apiVersion: froyo.dev/v1alpha1
kind: Rollout
metadata: {name: web}
spec:
  targets: {matchLabels: {role: web}}
  waves: [{size: 1, untilPromoted: true}, {size: 2}]
  onFailure: rollback
"""


def declare(person, text):
    for name in ("target.yaml", "files.yaml"):
        (person.site / name).unlink(missing_ok=True)
    person.write("targets.yaml", TARGETS)
    person.write("site.yaml", FILE.format(text=text))
    person.write("rollout.yaml", ROLLOUT)


def pages(person):
    found = []
    for name in ("a", "b", "c"):
        path = person.machine / name
        found.append(path.read_text().split()[-1] if path.exists() else "-")
    return " ".join(found)


def phase(person):
    return [one["phase"] for one in person.json("rollout", "status", status=None)["items"]]


def test_a_daemon_waits_for_a_person_over_kill_and_goes_back_where_it_breaks(person):
    declare(person, "good one")
    with person.up(ends=signal.SIGKILL):
        person.until(lambda: phase(person) == ["AwaitingPromotion"])
        assert pages(person) == "one - -"
    with person.up():
        person.until(lambda: phase(person) == ["AwaitingPromotion"])
        text = person.froyo("rollout", "status", "web").stdout
        assert [line.split()[2] for line in text.splitlines() if line[:2] in ("a ", "b ", "c ")] == [
            "Ready",
            "Awaiting",
            "Awaiting",
        ]
        done = person.json("rollout", "promote", "web", "--reason", "looks well")
        assert (done["kind"], done["name"]) == ("Rollout", "web")
        person.until(lambda: phase(person) == ["Complete"])
        assert pages(person) == "one one one"
        assert "is complete" in person.froyo("rollout", "pause", "web", status=1).stderr

        declare(person, "bad two")
        person.until(lambda: phase(person) == ["RolledBack"])
        person.until(lambda: pages(person) == "one one one")
        failed = person.froyo("rollout", "status", status=1).stdout
        assert "a failed: File/page" in failed
        assert (
            "try again: froyo rollout resume web" in person.froyo("rollout", "abort", "web", status=1).stderr
        )
        assert "did you mean 'web'?" in person.froyo("rollout", "pause", "wbe", status=1).stderr

        declare(person, "good three")
        person.until(lambda: phase(person) == ["AwaitingPromotion"])
        assert pages(person) == "three one one"
        person.froyo("rollout", "abort", "web", "--reason", "not today")
        person.until(lambda: pages(person) == "one one one")
        assert phase(person) == ["Aborted"]
        assert ": not today; no target has " in person.froyo("rollout", "status", status=1).stdout
        person.froyo("rollout", "resume", "web")
        person.until(lambda: phase(person) == ["AwaitingPromotion"])
        person.froyo("rollout", "pause", "web")
        person.froyo("rollout", "promote", "web", "--full")
        person.until(lambda: phase(person) == ["Complete"])
    acts = [one["action"] for one in person.json("audit")["items"]]
    assert acts == [f"rollout.{act}" for act in ("promote", "abort", "resume", "pause", "promote")]
    told = [one["reason"] for one in person.json("events", "--object", "Source")["items"]]
    assert told.count("RolloutComplete") == 2
    assert told.count("RolloutStopped") == 1


def test_apply_walks_the_waves_and_stops_where_a_person_or_a_failure_says_so(person):
    declare(person, "good one")
    planned = person.froyo("plan", "site", status=2).stderr
    assert "reaches its targets in 2 waves: 1: a; 2: b, c" in planned
    [foretold] = person.json("plan", "site", status=2)["rollouts"]
    assert [(turn["target"], turn["wave"]) for turn in foretold["targets"]] == [("a", 1), ("b", 2), ("c", 2)]
    told = person.froyo("apply", "site").stderr
    assert "wave 1 of 2 has held; the next one waits for: froyo rollout promote web" in told
    assert pages(person) == "one - -"
    assert "it takes the next froyo apply" in person.froyo("rollout", "promote", "web").stdout
    done = person.json("apply", "site")
    assert [one["phase"] for one in done["rollouts"]] == ["Complete"]
    assert pages(person) == "one one one"
    assert "nothing to do" in person.froyo("apply", "site").stdout

    declare(person, "bad two")
    done = person.froyo("apply", "site", status=1)
    assert "rollout web: a failed: File/page" in done.stderr
    assert pages(person) == "one one one"
    # Who names a target has said who is meant.
    declare(person, "good three")
    person.froyo("apply", "site", "--target", "c")
    assert pages(person) == "one one three"


def test_what_makes_no_sense_is_refused(person):
    declare(person, "good one")
    person.froyo("apply", "site")
    for arguments, says in (
        (("rollout", "pause"), "name the rollout"),
        (("rollout", "pause", "web", "--full"), "--full is for promote"),
        (("rollout", "abort", "web"), "froyo up; or have it go no further: froyo rollout pause web"),
        (("rollout", "status", "wbe"), "did you mean 'web'?"),
        (("rollout", "pause", "web", "--source", "x"), "there is no rollout 'web'"),
    ):
        assert says in person.froyo(*arguments, status=1).stderr
    names = person.froyo("get", "rollouts", "-o", "name").stdout
    assert names == "web\n"
