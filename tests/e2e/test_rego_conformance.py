"""OPA's own cases of Rego, as data: compiled by the compiler, and answered by WebAssembly as policies are.

They lie in the source of OPA, of which the compiler is made, and are not kept here. Several cases are one module, each
below a package of its own: to compile one takes a fifth of a second, and there are two thousand.
"""

import base64
import json
import os
import re
import subprocess
from collections import Counter
from pathlib import Path

import pytest
import yaml

from reconciler.config.compiler.client import Compiler
from reconciler.config.compiler.faults import CompilerError
from reconciler.policy.failing import PolicyFailure
from reconciler.policy.program import PolicyLimits, PolicyProgram

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]
COMPILER = ROOT / "reconciler" / "config" / "compiler"
TOGETHER = 40
"""Cases of one module."""
_QUERY = re.compile(r"data\.([\w.]+) = ((?!input\b)[a-z]\w*)")
_REFUSED = ("http.send", "net.lookup_ip_addr", "opa.runtime")
"""What the compiler does not know, so that a case with one does not compile."""
_DATA = re.compile(r"\bdata\b(?=\.|\[)")
_PACKAGE = re.compile(r"^(\s*package\s+)([\w.\[\]\"-]+)", re.MULTILINE)

FAILS = {
    "NEEDS": "calls a function that policies do not have here: see docs/spec/policy.md",
    "STRICT": "a function is given what it cannot be given: in OPA its rule is undefined, here the evaluation ends",
    "FORM": "asks in a form that no entrypoint has",
}
"""Why a case cannot come out as OPA has it; each is counted below."""
KNOWN = {
    "baseandvirtualdocs/enumerate virtual errors": "OPA's WebAssembly does not see a conflict that OPA reports",
    "data/toplevel integer": "data has a key that is a number, and in JSON keys are texts",
    "data/nested integer": "the same",
    "a local bound to a string in a data reference": "what OPA makes WebAssembly of has another name for it",
    "jsonbuiltins/unmarshal number beyond the supported exponent is undefined": "a number of Python's is infinite",
    "jsonbuiltins/unmarshal number with too big an exponent is undefined": "the same",
    "sprintf/float/zero_fraction": "OPA's WebAssembly writes `.0`, which is no JSON: the evaluation ends, which denies",
    "time/time caching": "calls test.sleep, which only OPA's own tests have: it does not compile",
    "strings/sprintf: float too big": "a number of Python's is infinite",
    "strings/format_int: bignum exact (>64-bit integer, all bases + negative)": "numbers have 64 bits there: it ends",
}
"""Of the others, those that come out otherwise, with the reason."""


@pytest.fixture(scope="module")
def cases():
    go = ROOT / ".venv" / "bin" / "go"
    done = subprocess.run(
        [go, "list", "-m", "-f", "{{.Dir}}", "github.com/open-policy-agent/opa"],
        cwd=COMPILER,
        env={**os.environ, "GOPROXY": "off", "GOFLAGS": "-mod=mod"},
        capture_output=True,
        text=True,
        check=False,
    )
    there = Path(done.stdout.strip() or "/nowhere") / "v1" / "test" / "cases" / "testdata" / "v1"
    if not there.is_dir():
        pytest.skip(f"the source of OPA is not here: {done.stderr.strip()}")
    found = []
    for path in sorted(there.rglob("*.yaml")):
        found += yaml.load(path.read_text(), Loader=yaml.CSafeLoader)["cases"]
    return found


@pytest.fixture(scope="module")
def compiler():
    found = Compiler()
    if found.missing:
        pytest.skip(found.missing)
    yield found
    found.close()


class Case:
    """One of them, below a package of its own."""

    def __init__(self, number, case):
        self.case, self.note = case, case["note"]
        self.below = "" if number is None else f"case{number}"
        form = _QUERY.fullmatch(case.get("query", ""))
        self.answerable = (
            form is not None and "modules" in case and self._is_json(case.get("input_term", "0"))
        )
        self.path, self.variable = (form[1], form[2]) if form else ("", "")
        self.modules = {
            f"{self.below}/{n}.rego": self._moved(text) if self.below else text
            for n, text in enumerate(case.get("modules") or ())
        }
        self.entrypoint = f"{self.below}/{self.path.replace('.', '/')}".lstrip("/")
        data = case.get("data") or {}
        self.data = {self.below: data} if self.below else data

    @staticmethod
    def _is_json(text):
        try:
            json.loads(text)
        except ValueError:
            return False
        return True

    def _moved(self, text):
        text = _PACKAGE.sub(lambda found: f"{found[1]}{self.below}.{found[2]}", text, count=1)
        return _DATA.sub(f"data.{self.below}", text)

    @property
    def question(self):
        """The input as JSON; nothing where it is undefined."""
        if "input_term" in self.case:
            return self.case["input_term"].encode()
        return json.dumps(self.case["input"]).encode() if "input" in self.case else b""

    @property
    def fails(self):
        return "want_error" in self.case or "want_error_code" in self.case

    def wants(self, answer):
        """Whether that is what it should answer."""
        wanted = self.case.get("want_result") or []
        if not wanted:
            return answer is None
        return len(wanted) == 1 and _same(answer, wanted[0].get(self.variable))


def _same(found, wanted):
    return _sorted(found) == _sorted(wanted)


def _sorted(value):
    """A set has no order, and is an array in JSON."""
    if isinstance(value, dict):
        return {str(key): _sorted(item) for key, item in value.items()}
    if isinstance(value, list):
        return sorted((_sorted(item) for item in value), key=lambda one: json.dumps(one, sort_keys=True))
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _compiled(compiler, cases):
    files = {path: text for case in cases for path, text in case.modules.items()}
    try:
        answer = compiler.ask(
            "rego.compile", {"files": files, "entrypoints": [one.entrypoint for one in cases], "refused": []}
        )
    except CompilerError:
        return None
    return None if answer["problems"] else base64.b64decode(answer["wasm"])


def _outcomes(compiler, cases):
    """What becomes of each: pass, one of FAILS, or how it differs."""
    wasm = _compiled(compiler, cases)
    if wasm is None and len(cases) > 1:
        half = len(cases) // 2
        return {**_outcomes(compiler, cases[:half]), **_outcomes(compiler, cases[half:])}
    if wasm is None:
        [case] = cases
        calls_out = any(name in text for name in _REFUSED for text in case.modules.values())
        return {case.note: "pass" if case.fails else "NEEDS" if calls_out else "does not compile"}
    data = {name: value for one in cases for name, value in one.data.items()}
    program = PolicyProgram(wasm, data, PolicyLimits(seconds=30.0, memory_mib=128))
    found = {}
    for case in cases:
        try:
            answer = program.evaluate(case.entrypoint, case.question, now=0.0)
        except PolicyFailure as failure:
            lacks = "is not registered" in failure.why
            strict = "raised:" in failure.why
            wants_error = case.fails
            found[case.note] = (
                "pass" if wants_error else "NEEDS" if lacks else "STRICT" if strict else failure.why
            )
            continue
        if case.fails:
            found[case.note] = "pass" if answer is None else f"answers {answer!r}, and should fail"
        else:
            wanted = case.case.get("want_result")
            found[case.note] = "pass" if case.wants(answer) else f"answers {answer!r}, not {wanted!r}"
    program.close()
    return found


def test_opas_own_cases_come_out_as_they_should(cases, compiler):
    outcomes, batch = {}, []
    for number, one in enumerate(cases):
        case = Case(number, one)
        if case.answerable:
            batch.append(case)
        else:
            outcomes[case.note] = "FORM"
        if len(batch) == TOGETHER:
            outcomes |= _outcomes(compiler, batch)
            batch = []
    if batch:
        outcomes |= _outcomes(compiler, batch)
    # What comes out otherwise may do so because it was moved.
    for one in cases:
        if outcomes.get(one["note"]) not in {"pass", *FAILS}:
            outcomes |= _outcomes(compiler, [Case(None, one)])
    counted = Counter(one if one in FAILS or one == "pass" else "otherwise" for one in outcomes.values())
    print(dict(counted))  # noqa: T201 - for who reads the report
    otherwise = {note: why for note, why in outcomes.items() if why not in FAILS and why != "pass"}
    Path(os.environ.get("FROYO_CONFORMANCE", "/dev/null")).write_text(json.dumps(otherwise, indent=1))
    assert otherwise.keys() == KNOWN.keys()
    assert counted["pass"] > 1_000
