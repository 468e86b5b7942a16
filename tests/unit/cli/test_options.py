"""What an option takes is said as a person would."""

from enum import StrEnum

import pytest

from reconciler.cli.options import one_of
from reconciler.errors import UsageError


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["test"], "ACTION is test, not 'x'"),
        (["run", "release"], "ACTION is run or release, not 'x'"),
        (["a1", "b1", "c1"], "ACTION is a1, b1 or c1, not 'x'"),
    ],
)
def test_what_can_be_said_is_told_as_a_list_of_words(words, said):
    read = one_of("ACTION", StrEnum("Word", {one: one for one in words}), verb="is")
    assert read(words[0].upper()) == words[0]
    with pytest.raises(UsageError, match=f"^{said}"):
        read("x")
