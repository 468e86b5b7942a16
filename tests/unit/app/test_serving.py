"""Which directories a daemon serves."""

import pytest

from reconciler.app.sources import served_no_longer
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
