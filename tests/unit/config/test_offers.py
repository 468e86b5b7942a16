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


@pytest.mark.parametrize(
    ("command", "offered"),
    [
        ("check %s", '[check, "%s"]'),
        ("check 'a | b'", '[check, "a | b"]'),
        ("check /x > /y", '[sh, -c, "check /x > /y"]'),
        ("check;", '[sh, -c, "check;"]'),
        ("check && other", '[sh, -c, "check && other"]'),
        ("check $HOME", '[sh, -c, "check $HOME"]'),
        ("check 'a > b", '[check, "\'a", ">", b]'),
    ],
)
def test_a_command_as_text_is_a_list_of_its_words_and_an_argument_of_a_shell_where_it_takes_one(
    command, offered
):
    assert offers.as_list(command, {"items": {"type": "string"}}) == offered
