"""Errors of others as a person reads them."""

import pytest

from reconciler.errors import in_words, why


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (PermissionError(13, "Permission denied", "/etc/froyo"), "/etc/froyo: permission denied"),
        (PermissionError(13, "Permission denied", b"/etc/fro\xffyo"), "/etc/fro\udcffyo: permission denied"),
        (PermissionError(13, "Permission denied"), "permission denied"),
        (OSError(5, "SSL went wrong", 7), "SSL went wrong"),
        (OSError("only words"), "OSError: only words"),
        (KeyError("mode"), "KeyError: 'mode'"),
        (TimeoutError(), "TimeoutError"),
    ],
)
def test_says_what_and_why_without_a_number_or_brackets(error: Exception, words: str) -> None:
    """`doctor` said PermissionError(13, 'Permission denied') to people."""
    assert in_words(error) == words


def test_goes_on_in_a_sentence() -> None:
    assert why(OSError(28, "No space left on device")) == "no space left on device"
    assert why(OSError("bare")) == "bare"
