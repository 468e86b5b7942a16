"""Programs are evaluated in a process of their own, within limits, and what they make is declared."""

import json
import threading
from collections.abc import Mapping

import pytest

from reconciler.config import ParseCache, load
from reconciler.errors import ConfigError
from reconciler.languages import LANGUAGES
from reconciler.languages.starlark import evaluating, supervising
from reconciler.model.desired import Desired
from reconciler.model.facts import Facts, Section
from reconciler.model.names import TargetName
from reconciler.model.source import with_settings
from tests.unit.config.world import CATALOG, TARGET, resource, snapshot

TARGETS = TARGET + "---\n" + TARGET.replace("web-1", "web-2")
SITE = """\
load("//lib/web.star", "page")

def main(ctx):
    return [page(t, ctx.settings.get("stage", "dev")) for t in ctx.targets]
"""
PAGE = """\
def page(target, stage):
    return file(
        name = "page-" + target.name,
        target = target.name,
        path = "/srv/page",
        content = stage,
    )
"""


def declared(
    files: Mapping[str, str | bytes],
    *,
    cache: ParseCache | None = None,
    settings: Mapping[str, str] = {},
    facts: Mapping[TargetName, Facts] | None = None,
) -> Desired:
    shown = with_settings(snapshot({"t.yaml": TARGETS, **files}), settings)
    return load(shown, CATALOG, cache=cache, languages=LANGUAGES, facts=facts)


def wrong(files: Mapping[str, str | bytes]) -> list[str]:
    with pytest.raises(ConfigError) as error:
        declared(files)
    return [str(one) for one in error.value.problems]


def test_what_programs_make_is_declared_with_the_place_of_its_helper() -> None:
    desired = declared({"site.star": SITE, "lib/web.star": PAGE}, settings={"stage": "prod"})
    assert list(desired.instances) == ["web-1/File/page-web-1", "web-2/File/page-web-2"]
    [one, other] = desired.instances.values()
    assert str(one.origin) == "/src/lib/web.star:2"
    assert one.origin.base == "site.star"
    assert desired.blobs[one.spec["body"]["digest"]].read() == b"prod"
    assert one.digest == other.digest


def test_what_its_schema_refuses_is_said_at_the_argument() -> None:
    files = {"site.star": SITE, "lib/web.star": PAGE.replace("content = stage", 'mode = "rw", owner = -1')}
    [mode, *_, owner] = wrong(files)
    assert mode.startswith("lib/web.star:6:16: spec.mode cannot be 'rw'")
    assert owner.startswith("lib/web.star:6:30: spec.owner")
    plain = {"site.star": "def main(ctx):\n    return " + json.dumps(resource(mode="rw")) + "\n"}
    assert wrong(plain)[0].startswith("site.star:1:1: spec.mode cannot be 'rw'")


def test_what_is_wrong_with_a_program_is_said_with_its_line() -> None:
    with pytest.raises(ConfigError) as error:
        declared({"site.star": SITE.replace("ctx.settings", "ctx.setting"), "lib/web.star": PAGE})
    [problem] = error.value.problems
    assert problem.location == "site.star:4:24"
    assert problem.hint == "did you mean 'settings'?"
    assert problem.excerpt.startswith("    return [page(")
    assert wrong({"site.star": b"def main(ctx):\n  pass # \xff"})[0].startswith(
        "site.star:2:10: the byte 0xff"
    )


def test_a_module_without_main_is_for_loading() -> None:
    assert declared({"lib.star": "x = 1 // 0\n"}).instances == {}
    assert wrong({"site.star": '"""\ndef main(ctx)\n"""\n'}) == ["site.star:1:1: it defines no main(ctx)"]


def test_a_misspelt_main_is_no_module_for_loading() -> None:
    # A typo declared nothing, and had all removed that the program had declared before.
    text = "x = 1\ndef mian(ctx):\n    return []\n"
    with pytest.raises(ConfigError) as error:
        declared({"site.star": text})
    [problem] = error.value.problems
    assert (problem.location, problem.hint) == ("site.star:2:1", "did you mean 'main'?")
    loads = 'load("//lib/many.star", "many")\ndef main(ctx):\n    return many(ctx)\n'
    many = "def many(ctx):\n    return []\n"
    assert declared({"site.star": loads, "lib/many.star": many}).instances == {}


def test_one_is_evaluated_again_only_when_what_it_depends_on_is_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started: list[list[str]] = []
    evaluated = supervising.answered

    def counted(files, programs, *more):  # type: ignore[no-untyped-def]
        started.append(list(programs))
        return evaluated(files, programs, *more)

    monkeypatch.setattr(evaluating, "answered", counted)
    cache = ParseCache()
    files = {
        "a.star": SITE,
        "lib/web.star": PAGE,
        "b.star": "def main(ctx):\n    return None\n",
        "c.star": "x = 1",
    }
    declared(files, cache=cache)
    declared(files, cache=cache)
    declared({**files, "c.star": "x = 2", "notes.txt": "x"}, cache=cache)
    assert started == [["a.star", "b.star"]]
    declared({**files, "lib/web.star": PAGE + "\n"}, cache=cache)
    declared({**files, "lib/web.star": PAGE + "\n"}, cache=cache, settings={"stage": "x"})
    assert started[1:] == [["a.star"], ["a.star"]]


def test_facts_are_none_while_they_are_not_known_and_their_targets_wait() -> None:
    program = """\
def main(ctx):
    return [
        file(name = "os", targets = {"matchLabels": {"role": "web"}}, path = "/os", content = t.facts.os.id)
        for t in ctx.targets
        if t.facts
    ][:1]
"""
    desired = declared({"site.star": program})
    assert (desired.waiting, desired.instances, desired.facts_read) == ({"web-1", "web-2"}, {}, {"os"})
    known = {TargetName(name): Facts({Section("os"): {"id": "debian"}}) for name in ("web-1", "web-2")}
    assert len(declared({"site.star": program}, facts=known).instances) == 2


def test_values_are_those_of_each_target() -> None:
    values = """\
apiVersion: froyo.dev/v1alpha1
kind: Vars
metadata: {name: v}
spec: {targets: {}, values: {port: 80}}
"""
    program = """\
def main(ctx):
    return [file(name = t.name, target = t.name, path = "/p", content = str(t.vars.port)) for t in ctx.targets]
"""
    desired = declared({"v.yaml": values, "site.star": program})
    assert [desired.blobs[one.spec["body"]["digest"]].read() for one in desired.instances.values()] == [
        b"80"
    ] * 2


BOMBS = {
    "a loop": "for turn in range(1000000000000):\n        pass",
    "a list": "x = []\n    for turn in range(1000000000):\n        x.append([turn] * 100)",
    "a text": "x = 'x'\n    for turn in range(60):\n        x = x + x",
    "depth": "x = []\n    for turn in range(100000000):\n        x = [x]",
    "what it makes": "return [{'kind': 'File', 'a': 'x' * 1000000} for turn in range(80)]",
}
LIMITS = {
    "a loop": "it did not come to an end within 0 s",
    "what it makes": "what it makes is larger than 64 MiB",
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_what_has_no_end_is_ended_and_what_else_there_is_is_evaluated(
    bomb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervising, "SECONDS", 0)
    if bomb not in LIMITS:
        monkeypatch.setattr(supervising, "SECONDS", 60)
        monkeypatch.setattr(supervising, "MEMORY", 160 << 20)
    said = wrong(
        {
            "a.star": f"\ndef main(ctx):\n    {BOMBS[bomb]}\n",
            "b.star": "def main(ctx):\n    fail('reached')\n",
        }
    )
    why = LIMITS.get(bomb, "it needs more than 160 MiB of memory")
    assert said == [
        f"a.star:2:1: {why} (have it make less, or look for what never ends)",
        "b.star:2:9: reached",
    ]


def test_not_every_bomb_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervising, "MOST_ENDED", 1)
    monkeypatch.setattr(supervising, "SECONDS", 0)
    bomb = "def main(ctx):\n    for turn in range(1000000000000):\n        pass\n"
    assert [one.partition(" (")[0] for one in wrong({"a.star": bomb, "b.star": bomb})] == [
        "a.star:1:1: it did not come to an end within 0 s",
        "b.star:1:1: it was not evaluated, since 1 of this source had to be ended",
    ]


def test_one_that_says_nothing_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervising, "SILENCE", 0.05)
    bomb = "def main(ctx):\n    for turn in range(1000000000000):\n        pass\n"
    [said] = wrong({"a.star": bomb})
    assert "it did not come to an end within 0 s" in said


def test_nobody_waits_for_a_program_when_all_is_to_end() -> None:
    bomb = "def main(ctx):\n    for turn in range(1000000000000):\n        pass\n"
    found: list[list[str]] = []
    thread = threading.Thread(target=lambda: found.append(wrong({"a.star": bomb, "b.star": bomb})))
    thread.start()
    while not supervising._living:
        thread.join(0.01)
    supervising.end_all()
    thread.join()
    assert {one.partition(" (")[0].rpartition(": ")[2] for one in found[0]} == {
        "its evaluation was ended, since this process ends"
    }


def test_a_process_that_cannot_evaluate_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervising, "_BOOT", "import sys; sys.stderr.write('no such package'); sys.exit(3)")
    [said] = wrong({"a.star": SITE, "lib/web.star": PAGE})
    assert said.startswith("a.star:3:1: the process that evaluates it ended with 3: no such package")


def test_one_that_breaks_the_interpreter_down_says_how() -> None:
    [said] = wrong({"a.star": "def main(ctx):\n    return range(1 << 62)\n"})
    assert "ended with -6: panic: runtime error: makeslice: cap out of range" in said


def test_a_message_is_no_longer_than_a_person_reads() -> None:
    [said] = wrong({"a.star": "def main(ctx):\n    fail('x' * 10000000)\n"})
    assert len(said) < 1_100
    assert said.startswith("a.star:2:9: xxx")


def test_modules_of_a_source_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluating, "LARGEST", 10)
    assert wrong({"site.star": SITE})[0].startswith(
        "site.star: the modules of this source have more than 0 MiB"
    )
