"""What an option takes is said as a person would."""

from enum import StrEnum

import pytest

from reconciler.cli.options import one_of
from reconciler.cli.sourcing import set_by
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


def test_what_is_set_for_a_source_is_a_word_for_each_name():
    assert set_by(["stage=prod", "note=a=b", "empty="]) == {"stage": "prod", "note": "a=b", "empty": ""}
    with pytest.raises(UsageError, match=r"--set takes KEY=VALUE, not 'stage'"):
        set_by(["stage"])
    with pytest.raises(UsageError, match="--set stage is given twice"):
        set_by(["stage=a", "stage=b"])
