"""What is said of fields that do not go together, or of one that others ask for; with the schemas of real kinds."""

from dataclasses import replace

import pytest

from reconciler.errors import ConfigError
from reconciler.model.catalog import Catalog
from tests.sim.packages import PACKAGES
from tests.unit.config.world import TARGET, TUNE, loaded

KINDS = Catalog({(kind.api_version, kind.kind): kind for one in PACKAGES for kind in one.kinds}, "1")


def said(kind, spec, kinds=KINDS):
    manifest = (
        f"apiVersion: linux.froyo.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: a}}\n"
        f"spec: {{target: web-1, {spec}}}\n"
    )
    with pytest.raises(ConfigError) as caught:
        loaded({"a.yaml": manifest, "targets.yaml": TARGET}, catalog=kinds)
    return [f"{one.message}; {one.hint}".removesuffix("; ") for one in caught.value.problems]


DROP_IN = (
    "spec is not complete without dropIn; add dropIn: the name of the drop-in, without .conf: 10-limits is"
    " /etc/systemd/system/UNIT.d/10-limits.conf"
)
STARTUP = (
    "add startup: whether it begins with the host (`enabled`), does not by itself (`disabled`), or cannot be"
    " started by anybody (`masked`)"
)


@pytest.mark.parametrize(
    ("kind", "spec", "told"),
    [
        (
            "Service",
            "unit: a.service, scope: global, state: running",
            [
                f"spec is not complete without startup; {STARTUP}",
                "state does not go together with the scope 'global'; leave it out",
            ],
        ),
        (
            "Service",
            "unit: a.service, scope: global, startup: enabled, files: [/a]",
            ["files does not go together with the scope 'global'; leave it out"],
        ),
        (
            "Service",
            "unit: a.service, scope: galactic, state: running",
            ["spec.scope is 'galactic'; it can be user or global"],
        ),
        (
            "Service",
            "unit: a.service, scope: 5, state: running",
            ["spec.scope has to be text, and unquoted 5 is the number 5; it can be user or global"],
        ),
        (
            "Service",
            "unit: a.service, scope: user, state: running",
            ["spec is not complete without user; add user: the user whose manager it is, with `scope: user`"],
        ),
        (
            "Service",
            "unit: a.service, user: ann, startup: enabled",
            ["spec is not complete without scope: user; add scope: user"],
        ),
        (
            "Service",
            "unit: a.service, scope: global, user: ann, startup: enabled",
            ["user does not go together with the scope 'global'; leave it out"],
        ),
        (
            "Unit",
            "unit: a.service, scope: user, content: x",
            ["spec is not complete without user; add user: the user whose manager it is, with `scope: user`"],
        ),
        (
            "Unit",
            "unit: a.service, scope: global, user: ann, content: x",
            ["user does not go together with the scope 'global'"],
        ),
        (
            "Unit",
            "extends: a.service, content: x",
            [DROP_IN],
        ),
        (
            "Timer",
            "name: a, every: 1h, unit: b.service, scope: user",
            [
                "spec is not complete without user; add user: as whom the command runs; root where it is not said"
            ],
        ),
        (
            "Timer",
            "name: a, every: 1h, unit: b.service, user: ann",
            ["unit and user do not go together in spec; keep one"],
        ),
        (
            "Line",
            "path: /x, match: a",
            ["spec is not complete without line or state: absent; add one of them"],
        ),
        ("AuthorizedKey", "user: a", ["spec is not complete without key or keys; add one of them"]),
        ("AuthorizedKey", "user: a, key: b, keys: []", ["key and keys do not go together in spec; keep one"]),
        (
            "Unit",
            "unit: a.service, extends: b.service, dropIn: c, content: x",
            ["unit and extends do not go together in spec; keep one"],
        ),
    ],
)
def test_what_is_said_would_be_enough(kind, spec, told):
    assert said(kind, spec) == told


X = {"a": {"enum": ["x"]}}


@pytest.mark.parametrize(
    ("refused", "spec", "told"),
    [
        ({"required": ["b"], "properties": X}, "a: x, b: y", "b does not go together with the a 'x'"),
        ({"required": ["a", "b"], "properties": X}, "a: x, b: y", "b does not go together with the a 'x'"),
        ({"required": ["b"], "properties": X}, "b: y", "b does not go together with no a"),
        ({"required": ["a"], "properties": X}, "a: x", "the a 'x' cannot be"),
        (
            {"properties": X, "oneOf": [{"required": ["b"]}, {"required": ["c"]}]},
            "a: x, c: y",
            "c does not go together with the a 'x'",
        ),
        (
            {"anyOf": [{"required": ["b"]}, {"properties": X}]},
            "a: x",
            "spec: ",
        ),
    ],
)
def test_however_a_schema_refuses_fields_it_is_told(refused, spec, told):
    """A stranger's schema that says it in another way than ours ended the command with a KeyError."""
    properties = {name: {"type": "string"} for name in "abc"}
    schema = {"type": "object", "properties": properties, "not": refused}
    kind = replace(TUNE, kind="Thing", schema=schema)
    kinds = Catalog({(kind.api_version, kind.kind): kind}, "1")
    [found] = said("Thing", spec, kinds)
    assert found.startswith(told)
