"""What is sent to be applied is read by an API server as what it was: it reads YAML, and not all of JSON."""

import json

import yaml

from watchers.kubernetes.patches import patch


def test_a_document_is_read_as_what_it_is():
    odd = {"a": 'é ü 𝄞 😀 \u2028 \x7f \x85 \ufeff " \\ \t\n', "n": [1.5, None, True, {}], "y": "no"}
    sent = patch(odd)
    assert json.loads(sent) == yaml.safe_load(sent) == odd
    assert b"\\ud8" not in sent  # of a pair of escapes an API server makes no character


def test_what_is_no_text_is_replaced():
    assert json.loads(patch({"path": "/srv/\udcff"})) == {"path": "/srv/\ufffd"}
