"""Which contents are told of, and which are not."""

import pytest

from reconciler.model.sensitive import is_sensitive


@pytest.mark.parametrize(
    ("spec", "state", "sensitive"),
    [
        ({}, None, False),
        ({"mode": "0644"}, None, False),
        ({"mode": "0600"}, None, True),
        ({"mode": "4700"}, None, True),
        ({"mode": "0640"}, {"mode": "0600"}, True),
        ({"mode": "0600"}, {"mode": "0644"}, True),
        ({"mode": "0600", "sensitive": False}, {"mode": "0600"}, False),
        ({"sensitive": True}, {"mode": "0644"}, True),
        ({"mode": "u=rw"}, {"mode": 600}, False),
    ],
)
def test_a_content_is_sensitive_where_a_mode_or_a_person_says_so(spec, state, sensitive):
    assert is_sensitive(spec, state) is sensitive
