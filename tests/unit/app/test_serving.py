"""Which directories a daemon serves."""

import pytest

from reconciler.app.served import served_no_longer, source_of
from reconciler.model.names import SourceName
from reconciler.model.repository import GitPlace, Ref, RefKind, Verification
from reconciler.model.source import DirectoryPlace, Source
from tests.unit.config.world import TARGET, loaded


def about(*directories):
    """What a directory declares that has a Source about each of these."""
    texts = [
        f"apiVersion: froyo.dev/v1alpha1\nkind: Source\nmetadata: {{name: s{n}}}\nspec: {{directory: {{path: {one}}}}}"
        for n, one in enumerate(directories)
    ]
    desired = loaded({"targets.yaml": TARGET, "sources.yaml": "\n---\n".join(texts)})
    assert all(isinstance(one, Source) for one in desired.sources.values())
    return desired


@pytest.mark.parametrize(
    ("in_force", "ended"),
    [
        ({}, ["/b", "/c"]),
        ({"/a": about("/b"), "/b": about("/c")}, []),
        ({"/a": about("/b"), "/b": about("/b")}, ["/c"]),
        ({"/a": about("/a"), "/b": about("/c"), "/c": about("/b")}, ["/b", "/c"]),
        ({"/a": about("/b", "/c", "/d")}, []),
    ],
)
def test_what_was_not_given_is_served_for_as_long_as_a_source_of_what_is_served_is_about_it(in_force, ended):
    assert served_no_longer(["/a"], [DirectoryPlace(one) for one in ("/a", "/b", "/c")], in_force) == ended


def saying(*specs):
    """What is declared of repositories."""
    texts = [
        f"apiVersion: froyo.dev/v1alpha1\nkind: Source\nmetadata: {{name: s{n}}}\nspec: {{git: {one}}}"
        for n, one in enumerate(specs)
    ]
    return loaded({"targets.yaml": TARGET, "sources.yaml": "\n---\n".join(texts)})


def test_a_repository_is_served_as_the_first_declares_it_that_is_not_itself():
    signed = GitPlace("https://h/r", verification=Verification(allowed_signers="/keys"))
    name = SourceName("git+https://h/r")
    ours = saying("{url: https://h/r, verify: {allowedSigners: /keys}}", "{url: https://h/other}")
    theirs = saying("{url: https://h/r, ref: {branch: evil}}")
    found = source_of(name, {name: theirs, "/a": ours, "git+https://h/other": theirs})
    assert found is not None
    assert found.place == signed
    assert source_of(name, {name: theirs}) is None
    assert source_of(name, {"/a": saying("{url: https://h/r, path: x}")}) is None
    found = source_of(name, {"/b": theirs})
    assert found is not None
    assert found.place == GitPlace("https://h/r", Ref(RefKind.BRANCH, "evil"))
