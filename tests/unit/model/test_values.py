"""What the values of the model promise: they do not change, and compare by what they mean."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil

import pytest

import reconciler.model
from reconciler.errors import ConfigError, ErrorClass, FroyoError, Problem, ProviderError, TransportError
from reconciler.model.blob import Blob
from reconciler.model.names import Digest, TargetName
from reconciler.model.origin import Origin
from reconciler.model.source import SnapshotFile
from reconciler.model.target import LocalTransport, Target

MODULES = [
    importlib.import_module(f"reconciler.model.{module.name}")
    for module in pkgutil.iter_modules(reconciler.model.__path__)
]
VALUES = [
    value
    for module in MODULES
    for value in vars(module).values()
    if isinstance(value, type) and dataclasses.is_dataclass(value) and value.__module__ == module.__name__
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: value.__name__)
def test_every_value_is_frozen_has_slots_and_documents_itself(value):
    assert value.__dataclass_params__.frozen
    assert "__slots__" in vars(value)
    assert value.__doc__
    assert not value.__doc__.startswith(f"{value.__name__}(")


@pytest.mark.parametrize(
    ("origin", "expected"), [(Origin("a.yaml", 3), "a.yaml:3"), (Origin("a.yaml"), "a.yaml"), (Origin(), "")]
)
def test_an_origin_reads_as_a_place(origin, expected):
    assert str(origin) == expected


def test_where_a_target_is_declared_does_not_make_it_another():
    targets = [
        Target(TargetName("a"), {}, LocalTransport(), Digest("1"), Origin("a.yaml", line)) for line in (1, 2)
    ]
    assert targets[0] == targets[1]


def test_how_a_content_is_read_neither_compares_nor_shows():
    for kind, args in ((Blob, (Digest("1"), 1)), (SnapshotFile, ("a", Digest("1"), 1))):
        one, other = kind(*args, lambda: b"1"), kind(*args, lambda: b"2")
        assert one == other
        assert "lambda" not in repr(one)


@pytest.mark.parametrize(
    ("problem", "expected"),
    [
        (Problem("a.yaml", 3, 7, "bad"), "a.yaml:3:7: bad"),
        (Problem("a.yaml", 3, 0, "bad"), "a.yaml:3: bad"),
        (Problem("a.yaml", 0, 0, "bad", hint="try"), "a.yaml: bad (try)"),
    ],
)
def test_a_problem_says_where_as_far_as_is_known(problem, expected):
    assert str(problem) == expected


def test_a_config_error_tells_all_problems_by_place():
    error = ConfigError([Problem("b", 1, 1, "two"), Problem("a", 2, 1, "one")])
    assert str(error) == "a:2:1: one\nb:1:1: two"


def test_every_error_has_a_class_and_a_provider_chooses_its_own():
    assert FroyoError().error_class is ErrorClass.PERMANENT
    assert TransportError().error_class is ErrorClass.TRANSIENT
    fault = ProviderError("busy", error_class=ErrorClass.THROTTLED, retry_after=2.0)
    assert (fault.error_class, fault.retry_after) == (ErrorClass.THROTTLED, 2.0)
