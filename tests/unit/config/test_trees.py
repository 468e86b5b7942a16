"""A Directory that keeps a whole directory of the source: what lies in that is body, whatever its name."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from reconciler.config import load
from reconciler.config.cache import ParseCache
from reconciler.config.trees import roots_of
from reconciler.model.catalog import BodyFields, Catalog, Kind
from tests.unit.config.world import CATALOG, TARGET, loaded, problems, snapshot

SITE = Kind(
    api_version="linux.froyo.dev/v1alpha1",
    kind="Site",
    plural="sites",
    package="linux.file",
    schema={
        "type": "object",
        "required": ["path"],
        "properties": {"path": {"type": "string"}, "source": {"type": "string"}},
    },
    provides=("path:{path}",),
    body=BodyFields(tree="source"),
)
KINDS = Catalog({**CATALOG.kinds, (SITE.api_version, SITE.kind): SITE}, "2")


def site(name: str = "site", source: str = "bodies/site/", **spec: object) -> str:
    return json.dumps(
        {
            "apiVersion": SITE.api_version,
            "kind": "Site",
            "metadata": {"name": name},
            "spec": {"target": "web-1", "path": f"/srv/{name}", "source": source, **spec},
        }
    )


def messages(files: dict[str, str], **more: object) -> list[str]:
    return [str(problem) for problem in problems(files, catalog=KINDS, **more)]


FILES = {"t.yaml": TARGET, "site.json": site(), "bodies/site/a/index.html": "<p>", "bodies/site/b.txt": "b"}


def test_a_tree_is_every_file_below_by_its_path_with_its_body() -> None:
    desired = loaded(FILES, catalog=KINDS)
    [one] = desired.instances.values()
    assert {name: size for name, (_, size, _) in one.spec["tree"].items()} == {"a/index.html": 3, "b.txt": 1}
    assert "source" not in one.spec
    assert {desired.find_blob(digest).read() for digest in one.bodies} == {b"<p>", b"b"}


def test_another_content_or_another_executable_file_is_another_declaration() -> None:
    cache = ParseCache()

    def digest(files: dict[str, str], executable: bool = False) -> str:
        taken = snapshot(files)
        if executable:
            changed = {
                **taken.files,
                "bodies/site/b.txt": replace(taken.files["bodies/site/b.txt"], executable=True),
            }
            taken = replace(taken, files=changed)
        [one] = load(taken, KINDS, cache=cache, environ={}).instances.values()
        return one.digest

    before = digest(FILES)
    assert digest(FILES | {"bodies/site/b.txt": "c"}) != before
    assert digest(FILES, executable=True) != before
    assert digest(FILES | {"bodies/site/c.txt": ""}) != before
    assert digest(FILES | {"bodies/other.txt": ""}) == before


@pytest.mark.parametrize(
    "name", ["bodies/site/pod.yaml", "bodies/site/deep/down/broken.yml", "bodies/site/t.json"]
)
@pytest.mark.parametrize("where", ["site.json", "zz/deeper/than/all/of/it/site.json"])
def test_what_lies_in_a_tree_is_never_a_manifest(name: str, where: str) -> None:
    depth = where.count("/")
    files = {key: value for key, value in FILES.items() if key != "site.json"}
    files[where] = site(source="../" * depth + "bodies/site")
    desired = loaded({**files, name: TARGET + "a: [\n"}, catalog=KINDS)
    assert len(desired.targets) == 1
    assert name.removeprefix("bodies/site/") in next(iter(desired.instances.values())).spec["tree"]


def test_a_manifest_in_a_tree_names_no_tree() -> None:
    inner = site("inner", source="../../more")
    desired = loaded(
        {**FILES, "bodies/site/inner.json": inner, "more/t2.yaml": TARGET.replace("web-1", "web-2")},
        catalog=KINDS,
    )
    assert set(desired.targets) == {"web-1", "web-2"}
    assert len(desired.instances) == 1


@pytest.mark.parametrize(
    ("files", "message", "hint"),
    [
        (
            {"site.json": site(source="bodies/sight")},
            "bodies/sight is no part of the source",
            "did you mean 'bodies/site'?",
        ),
        (
            {"site.json": site(source="nothing")},
            "nothing is no part of the source",
            "a directory without any file",
        ),
        (
            {"site.json": site(source="bodies/site/b.txt")},
            "b.txt is a file, not a directory",
            "declare a File for it",
        ),
        (
            {"site.json": site(source="../x")},
            "leads out of the source's root",
            "put the directory below the root",
        ),
        (
            {"site.json": site(source="/srv")},
            "is not below the source's root",
            "name a directory relative to this",
        ),
        ({"site.json": site(source=".")}, ". holds the manifest site.json", "into another directory"),
        ({"site.json": site(source="nothing", mod="x")}, "nothing is no part of the source", ""),
    ],
)
def test_says_what_is_wrong_with_a_tree(files: dict[str, str], message: str, hint: str) -> None:
    said = "\n".join(messages(FILES | files))
    assert message in said
    assert hint in said


def test_two_trees_that_hold_each_others_manifests_are_refused() -> None:
    said = messages(
        {"t.yaml": TARGET, "a/a.json": site("a", source="../b"), "b/b.json": site("b", source="../a")}
    )
    assert [line for line in said if "a holds the manifest a/a.json" in line]
    assert [line for line in said if "b holds the manifest b/b.json" in line]


def test_a_tree_of_which_something_is_left_out_is_refused() -> None:
    said = messages(FILES, left_out={"bodies/site/film.mp4": "larger than the 64 MiB that a file may have"})
    assert len(said) == 1
    assert "bodies/site/film.mp4 is no part of the source: larger than" in said[0]
    assert "name it in .froyoignore" in said[0]


def test_who_is_in_whose_tree_is_decided_from_outside_in() -> None:
    assert roots_of([("a.yaml", "x"), ("x/b.yaml", "y"), ("y/c.yaml", "z")]) == {"x", "z"}
    assert roots_of([("x/a.yaml", "x")]) == set()
    assert roots_of([]) == set()
