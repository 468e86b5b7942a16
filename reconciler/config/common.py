"""What no schema can say of metadata and of the common fields, each with its path and a hint."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from reconciler.config.builtin import FIELD_PATH
from reconciler.config.durations import HINT, is_written, moment, refusal, seconds
from reconciler.config.schemas import CompiledKind
from reconciler.core.spoken import with_article
from reconciler.core.suggest import did_you_mean
from reconciler.model.selector import LABEL_KEY_HINT, is_label_key

Found = tuple[tuple[str | int, ...], str, str]

_FIELD_PATH = re.compile(FIELD_PATH)


def label_problems(metadata: Any) -> Iterator[Found]:
    """Keys of labels that are none: what a custom resource's schema says leaves the keys of a mapping alone."""
    labels = metadata.get("labels") if isinstance(metadata, dict) else None
    for key in labels if isinstance(labels, dict) else ():
        if isinstance(key, str) and not is_label_key(key):
            yield ("metadata", "labels", key), f"no label can be called {key!r}", LABEL_KEY_HINT


def common_problems(compiled: CompiledKind, spec: Mapping[str, Any]) -> Iterator[Found]:
    """What is wrong with the common fields of a resource."""
    interval = spec.get("interval")
    if interval is not None and is_written(interval) and (value := seconds(interval)) is None:
        yield ("spec", "interval"), refusal(interval), HINT
    elif isinstance(interval, str) and (value := seconds(interval)) is not None and value < 1:
        yield ("spec", "interval"), f"spec.interval is {interval}; at least 1s is wanted", ""
    yield from _window_problems(spec.get("windows"))
    suspend = spec.get("suspend")
    until = suspend.get("until") if isinstance(suspend, dict) else None
    if isinstance(until, str) and until and moment(until) is None:
        hint = "write it as 2026-07-01T18:00:00Z, or with an offset such as +02:00"
        yield ("spec", "suspend", "until"), f"{until!r} is no time", hint
    ignored = spec.get("ignoreFields")
    for index, name in enumerate(ignored if isinstance(ignored, list) else ()):
        if not isinstance(name, str) or not _FIELD_PATH.fullmatch(name):
            continue  # its schema has complained about it
        if name.split(".")[0] not in compiled.fields:
            yield (
                ("spec", "ignoreFields", index),
                f"there is no field {name} in {with_article(compiled.kind.kind)}",
                did_you_mean(name.split(".")[0], compiled.fields),
            )


def _window_problems(windows: Any) -> Iterator[Found]:
    """Time zones that there are not, and windows with one end."""
    for index, window in enumerate(windows if isinstance(windows, list) else ()):
        if not isinstance(window, dict):
            continue  # its schema has complained about it
        path: tuple[str | int, ...] = ("spec", "windows", index)
        name = window.get("timezone", "UTC")
        if isinstance(name, str) and not _is_zone(name):
            hint = did_you_mean(name, available_timezones())
            yield (*path, "timezone"), f"there is no time zone {name!r}", hint
        if ("from" in window) is not ("to" in window):
            yield path, "a window has both `from` and `to`, or neither", ""


def _is_zone(name: str) -> bool:
    if name == "UTC":
        return True
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
