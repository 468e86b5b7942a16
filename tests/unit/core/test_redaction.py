"""The filter for secrets: no form of what it knows gets through."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote, quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.redaction import MASK, Redactor

KEY = "-----BEGIN KEY-----\nMIIEvQIBADANBgkq\nab\n-----END KEY-----\n"


def knowing(*values: str | bytes) -> Redactor:
    redactor = Redactor()
    for value in values:
        redactor.add(value)
    return redactor


def test_without_secrets_everything_stays():
    assert Redactor().text("hunter22") == "hunter22"


def test_a_secret_is_masked_wherever_it_is():
    assert knowing("hunter22").text("a hunter22, hunter22!") == f"a {MASK}, {MASK}!"


@pytest.mark.parametrize("short", ["", "a", "abc"])
def test_a_value_that_is_too_short_to_be_looked_for_masks_nothing(short):
    assert knowing(short).text("abc") == "abc"


def test_a_value_that_is_part_of_the_mask_is_not_looked_for():
    assert knowing("redacted").text("redacted hunter22") == "redacted hunter22"


def test_the_longer_of_two_secrets_is_masked_whole():
    assert knowing("hunter", "hunter22-long").text("hunter22-long hunter") == f"{MASK} {MASK}"


def test_each_longer_line_of_a_key_is_a_secret_and_a_short_one_is_not():
    redactor = knowing(KEY)
    assert redactor.text("+MIIEvQIBADANBgkq\n+ab") == f"+{MASK}\n+ab"
    assert MASK in redactor.text("-----END KEY-----")


def test_a_secret_is_known_without_the_newline_of_the_file_that_it_came_from():
    redactor = knowing(b"hunter22\n")
    assert redactor.text("password hunter22.") == f"password {MASK}."
    assert "aHVudGVyMjI" not in redactor.text(base64.b64encode(b"hunter22").decode())


def test_bytes_that_are_not_text_are_known_in_the_forms_in_which_they_can_appear():
    raw = bytes(range(200, 232))
    redactor = knowing(raw)
    for form in (raw.hex(), raw.hex().upper(), base64.b64encode(raw).decode()):
        assert MASK in redactor.text(f"<{form}>")
    assert redactor.value(raw) == MASK


def test_structures_keep_their_shape_and_other_values_their_type():
    redactor = knowing("hunter22")
    before = {
        "a": ["hunter22", 1, None, {"hunter22": b"x hunter22"}],
        "b": ("hunter22", True),
        "c": b"\xff",
        "d": {"hunter22"},
    }
    assert redactor.value(before) == {
        "a": [MASK, 1, None, {MASK: f"x {MASK}"}],
        "b": (MASK, True),
        "c": b"\xff",
        "d": [MASK],
    }


def test_text_that_is_none_can_be_a_secret_too():
    assert knowing("\ud800hunter").text("\ud800hunter") == MASK


SECRETS = st.text(
    st.characters(codec="utf-8", exclude_characters="[redact]"), min_size=8, max_size=40
).filter(lambda value: len(value.strip()) >= 8)


@given(secret=SECRETS, before=st.text("xy'\"", max_size=4), after=st.text("xy'\"", max_size=4))
def test_no_spelling_of_a_secret_gets_through(secret, before, after):
    redactor = knowing(secret)
    inside = before + secret + after
    for spelling in (str, repr, json.dumps, lambda value: json.dumps(value, ensure_ascii=False), ascii):
        assert secret.strip() not in redactor.text(spelling(inside)).replace(MASK, "")
        assert spelling(secret)[1:-1] not in redactor.text(spelling(inside))
    for spelling in (quote, quote_plus, lambda value: urlencode({"q": value})):
        assert spelling(secret) not in redactor.text(spelling(inside))


@given(secret=SECRETS, before=st.binary(max_size=7), after=st.binary(max_size=7))
def test_no_base64_of_a_secret_gets_through_wherever_it_begins(secret, before, after):
    redactor = knowing(secret)
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        left = redactor.text(encode(before + secret.encode() + after).decode())
        assert MASK in left
        # What is left beside the mask are the digits that the neighbours decide too.
        assert len(left) - len(MASK) <= len(encode(before + after)) + 8
