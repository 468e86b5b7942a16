"""What is offered in the place of a value that a field does not take."""

import pytest

from reconciler.config import offers

UNIT = r"^[a-z@]+\.(service|timer)$"
ABOUT = "The full name: nginx.service, backup.timer. Its own, not an alias."


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("nginx", f"did you mean 'nginx.service'? {ABOUT}"),
        ("no such", ABOUT),
        (7, ABOUT),
    ],
)
def test_a_value_that_lacks_the_end_of_the_examples_is_offered_with_it(value, said):
    assert offers.completed(value, UNIT, ABOUT) == said
