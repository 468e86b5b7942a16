"""What is held to a form says which: its description is what a person is told who writes something else."""

import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCHEMAS = [path for path in ROOT.glob("providers/*/schemas/*.json") if not path.name.endswith(".actual.json")]
ANY = r"^[^\x00]*$"


def undescribed(schema, path):
    if schema.get("pattern", ANY) != ANY and not schema.get("description"):
        yield path
    for name, child in schema.get("properties", {}).items():
        yield from undescribed(child, f"{path}.{name}")
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), dict):
            yield from undescribed(schema[name], f"{path}[]")


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_each_form_is_described(path):
    assert list(undescribed(json.loads(path.read_text()), "spec")) == []
