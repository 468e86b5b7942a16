"""What the operator grants is taken as it is written, or refused with what is wrong."""

import json

import pytest

from reconciler.app.grants import read_grants
from reconciler.errors import UsageError
from reconciler.plugins.capabilities import Capability


@pytest.fixture
def path(tmp_path):
    return tmp_path / "grants.json"


def test_what_is_granted_is_read(path):
    path.write_text(json.dumps({"acme.user": [{"call": "file.stat", "subjects": ["path:/etc/passwd"]}]}))
    packages = read_grants(path).packages
    assert packages == {"acme.user": (Capability("file.stat", ("path:/etc/passwd",)),)}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "maps the name of each package"),
        ("[]", "maps the name of each package"),
        ('{"a": {}}', "a: "),
        ('{"a": [{}]}', "grants for a: a capability is a mapping with a `call`"),
        ('{"a": [{"call": "file.stat", "path": ["/etc"]}]}', "grants for a: unknown field 'path'"),
        (
            '{"a": [{"call": "file.stat", "subjects": "path:/etc"}]}',
            "grants for a: subjects is a list of texts",
        ),
        ('{"a": [{"call": "file.shred"}]}', "grants for a: there is no call 'file.shred'"),
    ],
)
def test_what_is_not_understood_grants_nothing_and_says_why(path, text, says):
    path.write_text(text)
    with pytest.raises(UsageError) as refused:
        read_grants(path)
    assert says in str(refused.value)
    assert str(path) in str(refused.value)


def test_a_file_that_cannot_be_read_is_said_to_be(path):
    path.mkdir()
    with pytest.raises(UsageError, match="cannot be read"):
        read_grants(path)
