"""Where something is declared, in a word that an editor opens."""

import pytest

from reconciler.model.origin import Origin


@pytest.mark.parametrize(
    ("origin", "said"),
    [
        (Origin("a.yaml", 3, root="/srv/site"), "/srv/site/a.yaml:3"),
        (Origin("a.yaml", root="/srv/site"), "/srv/site/a.yaml"),
        (Origin("", 1), ""),
    ],
)
def test_a_line_is_one_of_a_file(origin, said):
    assert str(origin) == said
