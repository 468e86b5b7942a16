"""Runs commands and says how long they took, as whole processes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.bench.rows import median

FROYO = str(Path(sys.executable).with_name("froyo"))


def environment(own: Mapping[str, str] | None) -> dict[str, str]:
    """What a command is started with: byte code is kept from one start to the next, as it is on anybody's machine."""
    return {**os.environ, **(own or {}), "PYTHONDONTWRITEBYTECODE": ""}


def timed(command: Sequence[str], *, environ: Mapping[str, str] | None = None) -> float:
    """Seconds that a command took; it must succeed."""
    began = time.perf_counter()
    done = subprocess.run(command, env=environment(environ), capture_output=True, text=True, check=False)
    took = time.perf_counter() - began
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return took


def again(do: Callable[[], object], *, times: int = 7, before: Callable[[], None] = lambda: None) -> float:
    """Seconds that something takes: the median of several times, after one that does not count."""
    found = []
    for _ in range(times + 1):
        before()
        began = time.perf_counter()
        do()
        found.append(time.perf_counter() - began)
    return median(found[1:])


def repeated(
    command: Sequence[str],
    *,
    times: int = 7,
    environ: Mapping[str, str] | None = None,
    before: Callable[[], None] = lambda: None,
) -> float:
    """The same of a command."""
    return again(lambda: timed(command, environ=environ), times=times, before=before)


def shell(script: str) -> list[str]:
    """A command that runs a shell script."""
    return ["sh", "-ec", script]
