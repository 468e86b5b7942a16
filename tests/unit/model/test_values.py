"""Where a field came from, as a document."""

from reconciler.model.origin import Origin
from reconciler.model.values import Read, Rendered

PORT = Rendered("port", "${vars.port + 1}", 81, (Read("vars.port", 80, Origin("a.yaml", 3, 0, "/src")),))


def test_a_document_says_what_a_field_was_made_of() -> None:
    assert PORT.document(hide=False) == {
        "field": "port",
        "written": "${vars.port + 1}",
        "value": 81,
        "reads": [{"name": "vars.port", "value": 80, "declaredAt": "/src/a.yaml:3"}],
    }
    body = Rendered("content", "${target.name}", None, (), body=True)
    assert body.document(hide=False) == {
        "field": "content",
        "written": "${target.name}",
        "body": True,
        "reads": [],
    }


def test_what_is_hidden_is_in_no_part_of_it() -> None:
    found = PORT.document(hide=True)
    assert "80" not in str(found)
    assert "81" not in str(found)
    assert found["reads"][0]["name"] == "vars.port"
