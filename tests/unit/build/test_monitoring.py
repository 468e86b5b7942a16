"""The alert rules and the dashboard: about metrics that there are, valid for Prometheus, and documented."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from reconciler.model.metrics import MEASURED, READ

REPOSITORY = Path(__file__).parents[3]
MONITORING = REPOSITORY / "manifests/overlays/monitoring"
DOCUMENTED = (REPOSITORY / "docs/observing.md").read_text(encoding="utf-8")
METRICS = {metric.name: metric for metric in (*MEASURED, *READ)}
OUTSIDE = {"instance", "job", "le", "alertname", "alertstate", "severity"}

promtool = pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed")


def rules():
    [group] = yaml.safe_load((MONITORING / "rules.yaml").read_text())["groups"]
    return group["rules"]


def dashboard():
    return json.loads((MONITORING / "dashboard.json").read_text())


def queries():
    shown = dashboard()
    for panel in shown["panels"]:
        for target in panel.get("targets", ()):
            yield target["expr"]
    for annotation in shown["annotations"]["list"]:
        yield annotation["expr"]


EXPRESSIONS = [*(rule["expr"] for rule in rules()), *queries()]


def named(expression):
    """The metrics of an expression, each with the labels that it is chosen by."""
    for name, chosen in re.findall(r"\b(froyo_\w+)(?:\{([^}]*)\})?", expression):
        metric = METRICS.get(name) or METRICS.get(re.sub(r"_(bucket|count|sum)$", "", name))
        assert metric, f"there is no {name}"
        yield metric, set(re.findall(r"(\w+)\s*[=!]", chosen))


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_what_is_asked_for_is_measured_with_these_labels(expression):
    found = list(named(expression))
    assert found or "process_" in expression
    for metric, labels in found:
        assert labels <= {*metric.labels, *OUTSIDE}
    grouped = {one.strip() for by in re.findall(r"\bby \(([^)]*)\)", expression) for one in by.split(",")}
    assert grouped <= {label for metric, _ in found for label in metric.labels} | OUTSIDE


def test_variables_are_asked_of_what_is_measured():
    for variable in dashboard()["templating"]["list"]:
        if variable["type"] == "query":
            name, label = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["definition"]).groups()
            assert label in {*METRICS[name].labels, *OUTSIDE}


def test_panels_do_not_lie_on_each_other():
    taken = set()
    for panel in dashboard()["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_an_alert_says_what_to_do_and_is_documented(rule):
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    assert set(rule["annotations"]) == {"summary", "description"}
    assert f"| `{rule['alert']}` |" in DOCUMENTED


@pytest.mark.parametrize("metric", METRICS.values(), ids=lambda metric: metric.name)
def test_a_metric_is_documented(metric):
    short = re.sub(r"^froyo_(workqueue|reconcile)", "", metric.name)
    assert f"`{metric.name}`" in DOCUMENTED or f"`{short}`" in DOCUMENTED


@promtool
def test_rules_do_what_their_tests_say():
    for arguments in (["check", "rules", "rules.yaml"], ["test", "rules", "rules_test.yaml"]):
        done = subprocess.run(
            ["promtool", *arguments], cwd=MONITORING, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


@promtool
def test_each_query_of_the_dashboard_is_one(tmp_path):
    written = {
        "groups": [
            {
                "name": "dashboard",
                "rules": [
                    {"record": f"froyo:q{number}", "expr": query.replace("$__rate_interval", "5m")}
                    for number, query in enumerate(queries())
                ],
            }
        ]
    }
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(written))
    done = subprocess.run(
        ["promtool", "check", "rules", str(tmp_path / "rules.yaml")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
