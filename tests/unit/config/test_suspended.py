"""That something is left alone, as a manifest says it."""

import pytest

from reconciler.config.common import common_problems
from reconciler.config.fields import common_of
from reconciler.model.resource import Suspended
from tests.unit.config.world import TARGET, loaded, problems

FILE = """
apiVersion: linux.froyo.dev/v1alpha1
kind: File
metadata: {name: motd}
spec: {target: web-1, path: /etc/motd, content: x%s}
"""


def with_suspend(written):
    return {"t.yaml": TARGET, "f.yaml": FILE % f", suspend: {written}"}


@pytest.mark.parametrize("until", ["1970-01-01T00:01:00Z", "1970-01-01T02:01:00+02:00"])
def test_it_has_a_reason_and_may_have_an_end(until):
    assert common_of({"suspend": {"reason": "so"}}).suspend == Suspended("so")
    assert common_of({"suspend": {"reason": "so", "until": until}}).suspend == Suspended("so", 60.0)


@pytest.mark.parametrize("until", ["tomorrow", "1970-01-01T00:01:00"])
def test_what_is_no_time_is_refused(until):
    [(path, message, hint)] = common_problems(None, {"suspend": {"reason": "so", "until": until}})
    assert path == ("spec", "suspend", "until")
    assert "is no time" in message
    assert "2026-07-01T18:00:00Z" in hint
    assert not list(common_problems(None, {"suspend": "so"}))  # its schema says what is wrong with it


def test_it_makes_no_other_generation():
    [plain] = loaded({"t.yaml": TARGET, "f.yaml": FILE % ""}).instances.values()
    [left] = loaded(with_suspend("{reason: so}")).instances.values()
    assert left.common.suspend == Suspended("so")
    assert left.digest == plain.digest
    assert "reason" in str(problems(with_suspend("{}")))
