"""Policies by what they are, compiled once for all who ask.

Invariant: what cannot be made ready is kept as that: whoever asks it is told why, and denies.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace

from reconciler.errors import ConfigError, Problem
from reconciler.model.names import Digest
from reconciler.model.policy import PolicyFiles
from reconciler.model.source import SnapshotGone
from reconciler.policy.bundles import BundleKey, read_bundle
from reconciler.policy.compiling import RegoCompiler
from reconciler.policy.failing import PolicyFailure
from reconciler.policy.program import PolicyLimits, PolicyProgram
from reconciler.policy.rego import RULES, STAGES, read

KEPT = 16
"""Policies that are kept ready, those that were asked last."""
AGAIN = 60.0
"""Seconds after which what failed for another reason than what is written is tried again."""


@dataclass(frozen=True, slots=True)
class ReadyPolicies:
    """Policies that can be asked, or why they cannot.

    Attributes:
        programs: each part by its name: those that are written as one, and each bundle.
        problems: what is wrong with what is written.
        failed: why they cannot be asked besides, or "".
        until: when that is worth another try, in seconds since the epoch.
    """

    programs: tuple[tuple[str, PolicyProgram], ...] = ()
    problems: tuple[Problem, ...] = ()
    failed: str = ""
    until: float = 0.0

    @property
    def trouble(self) -> str:
        """Why nothing can be decided with them, or ""."""
        if not self.problems:
            return self.failed
        more = f", and {len(self.problems) - 1} more" if len(self.problems) > 1 else ""
        return f"they are wrong: {self.problems[0]}{more}"


class PolicyShelf:
    """See the module. It blocks, and any thread may ask.

    Args:
        compiler: of Rego.
        now: the wall clock.
        key: with which bundles have to be signed; None where they need not be.
        limits: what one evaluation may take.
    """

    def __init__(
        self,
        compiler: RegoCompiler,
        now: Callable[[], float],
        *,
        key: BundleKey | None = None,
        limits: PolicyLimits | None = None,
    ) -> None:
        self.compiler = compiler
        self._now = now
        self._key = key
        self._limits = limits
        self._lock = threading.Lock()
        self._kept: OrderedDict[Digest, ReadyPolicies] = OrderedDict()

    def ready(self, files: PolicyFiles) -> ReadyPolicies:
        """Policies, as they can be asked."""
        with self._lock:
            known = self._kept.get(files.digest)
            if known is not None and known.failed and known.until <= self._now():
                # What could be asked before may be again; what never could be has to be made ready.
                known = replace(known, failed="") if known.programs else None
            if known is None:
                known = self._made(files)
            self._kept[files.digest] = known
            self._kept.move_to_end(files.digest)
            while len(self._kept) > KEPT:
                _close(self._kept.popitem(last=False)[1])
            return known

    def exceeded(self, files: PolicyFiles, why: str) -> None:
        """These have taken more than they may: for a while nobody else waits for that."""
        with self._lock:
            known = self._kept.get(files.digest)
            if known is not None and not known.failed:
                self._kept[files.digest] = replace(known, failed=why, until=self._now() + AGAIN)

    def close(self) -> None:
        """Free all of them."""
        with self._lock:
            while self._kept:
                _close(self._kept.popitem()[1])

    def _made(self, files: PolicyFiles) -> ReadyPolicies:
        programs: list[tuple[str, PolicyProgram]] = []
        try:
            written = read(files)
            if written.modules:
                wasm = self.compiler.compile(written.modules)
                program = PolicyProgram(wasm, written.data, self._limits)
                programs.append(("its rules", program))
                if program.lacking:
                    found = self.compiler.where_called(written.modules, program.lacking)
                    raise ConfigError(found) if found else PolicyFailure(_lacking(program))
            for path, content in written.bundles.items():
                programs.append((path, self._bundled(path, content)))
            return ReadyPolicies(tuple(programs))
        except ConfigError as error:
            failed = ReadyPolicies(problems=tuple(error.problems))
        except PolicyFailure as failure:
            failed = ReadyPolicies(failed=failure.why, until=self._now() + AGAIN)
        except SnapshotGone as gone:
            failed = ReadyPolicies(failed=f"they have moved on: {gone}", until=0.0)
        _close(ReadyPolicies(tuple(programs)))
        return failed

    def _bundled(self, path: str, content: bytes) -> PolicyProgram:
        try:
            bundle = read_bundle(content, self._key)
            program = PolicyProgram(bundle.wasm, bundle.data, self._limits)
        except PolicyFailure as failure:
            raise PolicyFailure(f"{path}: {failure.why}") from failure
        why = _lacking(program) if program.lacking else "" if _decides(program) else _governs_nothing(program)
        if why:
            program.close()
            raise PolicyFailure(f"{path}: {why}")
        return program


def _decides(program: PolicyProgram) -> bool:
    known = {f"froyo/{stage}{rule}" for stage in STAGES for rule in ("", *(f"/{one}" for one in RULES))}
    return not known.isdisjoint(program.entrypoints)


def _governs_nothing(program: PolicyProgram) -> str:
    there = ", ".join(sorted(program.entrypoints)) or "none"
    return f"it governs nothing: its entrypoints are {there}, and none is froyo/plan/deny or another that decides"


def _lacking(program: PolicyProgram) -> str:
    return f"it calls {', '.join(program.lacking)}, which policies cannot have here: they compute, and ask nobody"


def _close(ready: ReadyPolicies) -> None:
    for _, program in ready.programs:
        program.close()
