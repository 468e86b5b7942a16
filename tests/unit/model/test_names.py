"""References and addresses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.names import Address, TargetName, address, reference, split_address

NAMES = st.text("abc-.0", min_size=1)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (("File", "motd"), "File/motd"),
        (("File", "motd", "default"), "File/motd"),
        (("File", "motd", "web"), "File/web:motd"),
    ],
)
def test_a_reference_names_the_namespace_only_where_it_is_not_the_default(parts, expected):
    assert reference(*parts) == expected


def test_an_address_is_the_target_and_the_reference():
    assert address(TargetName("web-1"), reference("File", "motd")) == "web-1/File/motd"


@given(target=NAMES, name=NAMES, namespace=NAMES)
def test_an_address_splits_into_what_it_was_made_of(target, name, namespace):
    ref = reference("File", name, namespace)
    assert split_address(address(TargetName(target), ref)) == (target, ref)


def test_what_has_no_reference_splits_into_a_target_and_nothing():
    assert split_address(Address("web-1")) == ("web-1", "")
