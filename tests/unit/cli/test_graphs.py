"""`froyo graph`: who comes before whom, and who says so."""

import json
import re
from xml.etree import ElementTree as ET

import pytest

from reconciler.cli.app import run

SITE = """\
apiVersion: froyo.dev/v1alpha1
kind: Target
metadata: {name: web-1}
spec: {local: {}}
---
apiVersion: froyo.dev/v1alpha1
kind: Target
metadata: {name: bare}
spec: {ssh: {host: bare}}
---
apiVersion: linux.froyo.dev/v1alpha1
kind: Directory
metadata: {name: app}
spec: {target: web-1, path: /srv/app}
---
apiVersion: linux.froyo.dev/v1alpha1
kind: File
metadata: {name: conf}
spec: {target: web-1, path: '/srv/app/a"b', content: x, before: [File/last], notify: [Exec/reload]}
---
apiVersion: linux.froyo.dev/v1alpha1
kind: File
metadata: {name: last}
spec: {target: web-1, path: /srv/last, content: x}
---
apiVersion: linux.froyo.dev/v1alpha1
kind: Exec
metadata: {name: reload}
spec: {target: web-1, argv: [/bin/true], refreshOnly: true, cwd: /srv/app}
"""


@pytest.fixture
def graph(tmp_path, capsys):
    (tmp_path / "site.yaml").write_text(SITE)

    def show(*words, status=0):
        assert run(["graph", str(tmp_path), *words]) == status
        return capsys.readouterr()

    return show


def test_an_edge_says_who_says_it(graph):
    [item] = json.loads(graph("-o", "json").out)["items"]
    assert item["target"] == "web-1"
    assert {(one["from"], one["to"], one["kind"], one["why"]) for one in item["edges"]} == {
        ("web-1/Directory/app", "web-1/File/conf", "inferred", "path:/srv/app"),
        ("web-1/File/conf", "web-1/File/last", "before", "before"),
        ("web-1/Directory/app", "web-1/Exec/reload", "inferred", "path:/srv/app"),
        ("web-1/File/conf", "web-1/Exec/reload", "notify", "notify"),
    }


def test_mermaid_is_what_is_written_unless_said_otherwise(graph):
    text = graph().out
    assert text.startswith(
        'flowchart TD\n  subgraph t0["web-1"]\n    n0["Directory/app<br/>path:/srv/app"]\n'
    )
    assert '["File/conf<br/>path:/srv/app/a#34;b"]' in text
    assert re.search(r'n0 -->\|"path:/srv/app"\| n\d', text)
    assert re.search(r'n\d -\.->\|"notify"\| n\d', text)


def test_dot_is_for_graphviz(graph):
    text = graph("--as", "dot").out
    assert text.startswith("digraph froyo {\n")
    assert r'"web-1/File/conf" [label="File/conf\npath:/srv/app/a\"b"];' in text
    assert '"web-1/File/conf" -> "web-1/Exec/reload" [label="notify", style=dashed];' in text


def test_a_drawing_has_each_instance_below_what_comes_before_it(graph):
    text = graph("--as", "svg").out
    assert text == graph("--as", "svg").out
    tree = ET.fromstring(text)
    boxes = [float(one.attrib["y"]) for one in tree.iter("{http://www.w3.org/2000/svg}rect")]
    assert boxes == sorted(boxes)
    assert len(boxes) == 4
    said = "".join(tree.itertext())
    assert "web-1/Exec/reload comes after web-1/File/conf: notify" in said
    assert 'path:/srv/app/a"b' in said


def test_one_target_is_shown_alone_and_another_is_none(graph):
    assert graph("--target", "web-1").out == graph().out
    assert "nothing is declared" in graph("--target", "bare").err
    assert (
        graph("--target", "web-2", status=1).err
        == "froyo: there is no target 'web-2'; did you mean 'web-1'?\n"
    )


def test_what_does_not_evaluate_is_not_drawn(graph, tmp_path):
    (tmp_path / "site.yaml").write_text(SITE.replace("before: [File/last]", "before: [File/lst]"))
    assert "File/lst" in graph(status=1).err
