"""What programs make is declared as if it stood in a file, and what is wrong with it is said where they make it."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from reconciler.config import ParseCache, load
from reconciler.config import cache as cache_module
from reconciler.config.loading import declaring
from reconciler.config.programs import Evaluation, Surroundings
from reconciler.core.vault import Vault
from reconciler.documents.generated import GeneratedDocument, Spot
from reconciler.errors import ConfigError, Problem
from reconciler.model.desired import Desired
from reconciler.model.facts import Facts, Section
from reconciler.model.names import TargetName
from reconciler.model.source import Snapshot, with_settings
from tests.unit.config.world import CATALOG, TARGET, loaded, resource, snapshot

PROGRAM = "// first\nmode\nwhat\n"


def made(value: dict[str, Any], line: int = 1, **places: Spot) -> GeneratedDocument:
    """An object that comes from a line of the program, with the places of fields of its spec."""
    spots: dict[tuple[str | int, ...], Spot] = {("spec", name): spot for name, spot in places.items()}
    return GeneratedDocument(value, {(): Spot("site.star", line, 1), **spots})


Made = Callable[[str, Surroundings], Evaluation]


@dataclass
class Invented:
    """A language whose programs do what the test says."""

    makes: Made
    name: str = "Invented"
    evaluated: list[str] = field(default_factory=list)

    def programs(self, snapshot: Snapshot, paths: Sequence[str]) -> Sequence[str]:
        return [path for path in paths if path.endswith("site.star")]

    def evaluate(self, programs: Sequence[str], surroundings: Surroundings) -> Mapping[str, Evaluation]:
        self.evaluated += programs
        return {path: self.makes(path, surroundings) for path in programs}


def making(*documents: GeneratedDocument, **more: Any) -> Invented:
    return Invented(lambda path, _: Evaluation(list(documents), read=frozenset({path}), **more))


def evaluated(
    language: Invented,
    files: Mapping[str, str] = {},
    *,
    cache: ParseCache | None = None,
    settings: Mapping[str, str] = {},
    facts: Mapping[TargetName, Facts] | None = None,
) -> Desired:
    shown = with_settings(snapshot({"t.yaml": TARGET, "site.star": PROGRAM, **files}), settings)
    return load(shown, CATALOG, cache=cache, languages=(language,), facts=facts)


def wrong(language: Invented, files: Mapping[str, str] = {}) -> list[Problem]:
    with pytest.raises(ConfigError) as error:
        evaluated(language, files)
    return error.value.problems


def test_what_a_program_makes_is_what_a_file_would_declare() -> None:
    value = resource(content="hello", mode="0644")
    [instance] = evaluated(making(made(value, 2))).instances.values()
    [written] = loaded({"t.yaml": TARGET, "motd.json": json.dumps(value)}).instances.values()
    assert (instance.digest, instance.spec, instance.provides) == (
        written.digest,
        written.spec,
        written.provides,
    )
    assert str(instance.origin) == "/src/site.star:2"


def test_what_is_wrong_is_said_at_the_place_of_the_value_or_of_the_nearest_above_it() -> None:
    value = resource(mode="rw", owner=-1, colour="red")
    [colour, owner, mode] = wrong(making(made(value, 1, mode=Spot("site.star", 2, 3))))
    assert mode.location == "site.star:2:3"
    assert mode.excerpt == "mode"
    assert (colour.location, owner.location) == ("site.star:1:1", "site.star:1:1")
    assert colour.excerpt == "// first"


def test_a_place_may_be_in_another_file_of_the_program() -> None:
    one = GeneratedDocument(resource(content="x"), {(): Spot("lib/web.star", 7, 5)})
    [instance] = evaluated(making(one), {"lib/web.star": "\n" * 9}).instances.values()
    assert str(instance.origin) == "/src/lib/web.star:7"
    assert instance.origin.base == "site.star"


def test_paths_are_relative_to_the_program_wherever_it_makes_what_names_them() -> None:
    one = GeneratedDocument(resource(source="motd.txt"), {(): Spot("lib/web.star", 1, 1)})
    language = making(one)
    desired = load(
        snapshot({"t.yaml": TARGET, "web/site.star": "", "web/motd.txt": "hi", "lib/web.star": "x"}),
        CATALOG,
        languages=(language,),
    )
    [instance] = desired.instances.values()
    assert desired.blobs[instance.spec["body"]["digest"]].read() == b"hi"


def test_targets_values_and_expressions_may_be_made_too() -> None:
    target = {
        "apiVersion": "froyo.dev/v1alpha1",
        "kind": "Target",
        "metadata": {"name": "db-1"},
        "spec": {"local": {"become": "sudo"}},
    }
    values = {
        "apiVersion": "froyo.dev/v1alpha1",
        "kind": "Vars",
        "metadata": {"name": "v"},
        "spec": {"targets": {}, "values": {"word": "hi"}},
    }
    listed = {"apiVersion": "v1", "kind": "List", "items": [values]}
    greeting = resource(target="db-1", content="${vars.word}")
    desired = evaluated(making(made(target), made(listed), made(greeting)))
    assert set(desired.targets) == {"web-1", "db-1"}
    [instance] = desired.instances.values()
    assert desired.blobs[instance.spec["body"]["digest"]].read() == b"hi"


def test_what_is_wrong_with_an_expression_is_said_at_its_place() -> None:
    one = made(resource(content="${vars.none} and ${vars.other}"), 1, content=Spot("site.star", 3, 2))
    assert [problem.location for problem in wrong(making(one))] == ["site.star:3:2", "site.star:3:2"]


def test_names_that_stand_twice_are_found_whoever_makes_them() -> None:
    [problem] = wrong(making(made(resource(), 2)), {"a.json": json.dumps(resource())})
    assert problem.location == "site.star:2:1"
    assert "first at /src/a.json:1" in problem.message


def test_no_source_is_made_and_nothing_that_targets_are_known_by_where_facts_are_read() -> None:
    source = {
        "apiVersion": "froyo.dev/v1alpha1",
        "kind": "Source",
        "metadata": {"name": "s"},
        "spec": {"directory": {"path": "/srv"}},
    }
    [problem] = wrong(making(made(source, 2)))
    assert (problem.location, problem.message) == ("site.star:2:1", "a program declares no Source")
    target = {**source, "kind": "Target", "spec": {"local": {}}}
    [problem] = wrong(making(made(target, 3), asked=frozenset({"facts.os"})))
    assert problem.message == "a program that reads facts declares no Target"


def test_what_is_wrong_with_a_program_and_what_it_says_are_told() -> None:
    problem = Problem("site.star", 2, 1, "no")
    assert wrong(making(problems=[problem])) == [problem]
    said = making(warnings=[Problem("site.star", 3, 1, "print: hello")])
    assert evaluated(said).warnings == ("/src/site.star:3:1: print: hello",)


def test_what_lies_in_a_tree_or_is_a_body_is_no_program() -> None:
    body = {"m.json": json.dumps(resource(source="site.star"))}
    language = making(made(resource("other")))
    assert set(evaluated(language, body).instances) == {"web-1/File/motd"}
    assert language.evaluated == []
    # One that another program has as its body is none either, whoever came first.
    language = Invented(
        lambda path, _: Evaluation(
            [made(resource(path.partition("/")[0], source="b/site.star"))] if path == "site.star" else [],
            [] if path == "site.star" else [Problem(path, 1, 1, "it is no program")],
            read=frozenset({path}),
        )
    )
    assert len(evaluated(language, {"b/site.star": "x"}).instances) == 1


def test_a_program_is_evaluated_again_only_when_what_it_depends_on_is_another() -> None:
    cache = ParseCache()
    asked: frozenset[str] = frozenset({"settings"})
    language = making(made(resource()), asked=asked)
    for files, settings, count in (
        ({}, {}, 1),
        ({}, {}, 1),
        ({"notes.txt": "n"}, {}, 1),
        ({"site.star": PROGRAM + "more"}, {}, 2),
        ({"site.star": PROGRAM + "more"}, {"stage": "prod"}, 3),
        ({"site.star": PROGRAM + "more"}, {"stage": "prod"}, 3),
        ({"other.yaml": TARGET.replace("web-1", "web-2")}, {}, 4),
    ):
        desired = evaluated(language, files, cache=cache, settings=settings)
        assert len(desired.instances) == 1
        assert len(language.evaluated) == count


def test_a_program_that_was_ended_is_evaluated_again_in_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may have been killed for want of memory on this machine, and had been broken until somebody changed it."""
    now = [100.0]
    monkeypatch.setattr(cache_module.time, "monotonic", lambda: now[0])
    cache, outcomes = ParseCache(), [Problem("site.star", 1, 1, "it was ended")]

    def make(path: str, _: Surroundings) -> Evaluation:
        if outcomes:
            return Evaluation(problems=outcomes[:], read=frozenset({path}), passing=True)
        return Evaluation([made(resource())], read=frozenset({path}))

    language = Invented(make)
    for at, count in ((100.0, 1), (159.0, 1), (160.0, 2)):
        now[0] = at
        with pytest.raises(ConfigError, match="it was ended"):
            evaluated(language, cache=cache)
        assert len(language.evaluated) == count
    outcomes.clear()
    for at in (221.0, 10_000.0):
        now[0] = at
        assert len(evaluated(language, cache=cache).instances) == 1
    assert len(language.evaluated) == 3


def test_a_file_that_a_program_looked_for_is_noticed_when_it_appears() -> None:
    cache = ParseCache()
    language = Invented(
        lambda path, around: Evaluation(
            [made(resource(content="yes" if around.text("lib.star") else "no"))],
            read=frozenset({path, "lib.star"}),
        )
    )
    first = evaluated(language, cache=cache)
    second = evaluated(language, {"lib.star": "x"}, cache=cache)
    assert first.instances.keys() == second.instances.keys()
    assert first.blobs.keys() != second.blobs.keys()


def test_a_program_is_told_what_it_asks_for_and_nothing_is_concluded_of_facts_that_are_not_known() -> None:
    parts: dict[str, Any] = {}

    def makes(path: str, around: Surroundings) -> Evaluation:
        for name in ("settings", "revision", "source", "targets", "vars", "facts.os"):
            parts[name] = around.part(name)
        asked = frozenset({"facts.os", "targets"})
        return Evaluation([made(resource())], read=frozenset({path}), asked=asked)

    values = """\
apiVersion: froyo.dev/v1alpha1
kind: Vars
metadata: {name: v}
spec: {targets: {}, values: {port: 80, key: {secret: {file: key}}, url: "https://a:${vars.key}@b"}}
"""
    language = Invented(makes)
    shown = with_settings(
        snapshot({"t.yaml": TARGET, "v.yaml": values, "site.star": PROGRAM}), {"stage": "prod"}
    )
    vault = Vault(lambda _: "geheimnis", lambda: b"k" * 32)
    desired = load(shown, CATALOG, languages=(language,), vault=vault)
    assert parts["settings"] == {"stage": "prod"}
    assert (parts["revision"], parts["source"]) == (shown.revision, "site")
    assert parts["targets"] == [
        {"key": "web-1", "name": "web-1", "namespace": "default", "labels": {"role": "web"}}
    ]
    assert parts["vars"] == {"web-1": {"port": 80}}
    assert parts["facts.os"] == {"web-1": None}
    assert (desired.waiting, desired.instances, desired.facts_read) == ({"web-1"}, {}, {"os"})
    known = {TargetName("web-1"): Facts({Section("os"): {"id": "debian"}})}
    desired = load(shown, CATALOG, languages=(language,), vault=vault, facts=known)
    assert parts["facts.os"] == {"web-1": {"id": "debian"}}
    assert len(desired.instances) == 1


def test_what_is_set_and_no_program_speaks_of_is_said() -> None:
    said = evaluated(
        making(), {"lib.cue": "stage: string @tag(stage)"}, settings={"stage": "a", "stgae": "b"}
    )
    assert said.warnings == ("no program reads the setting stgae",)
    assert evaluated(making(), settings={}).warnings == ()


def test_settings_are_part_of_what_a_source_says() -> None:
    plain = snapshot({"t.yaml": TARGET})
    assert with_settings(plain, {}) is plain
    assert plain.settings == {}
    one, other = with_settings(plain, {"a": "1"}), with_settings(plain, {"a": "2"})
    assert len({plain.digest, one.digest, other.digest}) == 3
    assert one.digest == with_settings(plain, {"a": "1"}).digest
    assert (one.settings, one.revision) == ({"a": "1"}, plain.revision)


def test_what_a_program_makes_is_among_what_a_source_declares_and_can_be_had() -> None:
    language = making(made(resource()))
    found = declaring(snapshot({"t.yaml": TARGET, "site.star": PROGRAM}), CATALOG, {}, languages=(language,))
    assert list(found) == ["t.yaml", "site.star"]
    assert found["t.yaml"] is None
    made_documents = found["site.star"]
    assert made_documents is not None
    assert [one.value["metadata"]["name"] for one in made_documents.documents] == ["motd"]
