"""What the operator grants is taken as it is written, or refused with what is wrong."""

import json

import pytest

from reconciler.app.grants import read_grants
from reconciler.errors import ConfigError
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
        ("", " is empty"),
        ("{", "1:2: the file ends where a key in double quotes is expected"),
        ("[]", "1:1: should be a mapping of the names of packages to lists of capabilities"),
        ('{"a": {}}', "1:7: should be a list"),
        ('{"a": [], "a": []}', "1:11: the key 'a' stands here a second time"),
        ('{"a": [{}]}', "1:8: a capability is a mapping with a `call`"),
        ('{"a": [{"call": "file.stat", "path": ["/etc"]}]}', "1:30: unknown field 'path'"),
        ('{"a": [{"call": "file.stat", "subjects": "path:/etc"}]}', "1:42: subjects is a list of texts"),
        ('{"a": [{"call": "file.stat",\n  "subjects": ["path:/", "etc"]}]}', "2:26: 'etc' is no pattern"),
        ('{"a": [{"call": "exec", "argv": [["id"], "id"]}]}', "1:42: argv is a list of texts"),
        ('{"a": [{"call": "exec", "argv": [["id"], ["**", "x"]]}]}', "1:42: "),
        ('{"a": [{"call": "file.shred"}]}', "1:17: there is no call 'file.shred'"),
    ],
)
def test_what_is_not_understood_grants_nothing_and_says_why(path, text, says):
    path.write_text(text)
    with pytest.raises(ConfigError) as refused:
        read_grants(path)
    [problem] = refused.value.problems
    assert str(problem).startswith(f"{path}:")
    assert says in str(problem)


def test_all_that_is_wrong_is_said_at_once(path):
    path.write_text('{"a": [{}], "b": [{"call": "facts"}, 5]}')
    with pytest.raises(ConfigError) as refused:
        read_grants(path)
    assert [problem.column for problem in refused.value.problems] == [8, 38]


def test_a_file_that_cannot_be_read_is_said_to_be(path):
    path.mkdir()
    with pytest.raises(ConfigError, match=r"grants\.json: cannot be read: is a directory"):
        read_grants(path)
