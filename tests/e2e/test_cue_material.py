"""CUE's own test material, as far as it says something of what is asked of the compiler here.

It lies in the module that the compiler is made of: archives (txtar) of files with what CUE makes of them. Held to it
are whether there is anything wrong with files, and how files are formatted. Where an archive says something else, it
is listed with the reason.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from hatch_build import go_command
from reconciler.config.compiler import compiler

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]
OPEN = "what is open, cyclic or within a definition is not looked into, unless it is a manifest"
COMPILED = "it does not compile, which its list of errors leaves out"

DIFFERENT = {
    "basicrewrite/018_self-reference_cycles": OPEN,
    "builtins/versionchk": COMPILED,
    "compile/err_top": COMPILED,
    "compile/erralias": COMPILED,
    "compile/labels": COMPILED,
    "compile/let": COMPILED,
    "comprehensions/else_compile_errors": COMPILED,
    "comprehensions/try_compile_errors": COMPILED,
    "cycle/issue1960": COMPILED,
    "cycle/issue241": OPEN,
    "cycle/issue502": OPEN,
    "definitions/036_closing_with_failed_optional": OPEN,
    "eval/basictypes": COMPILED,
    "eval/incompleteperm": COMPILED,
    "eval/issue1886": OPEN,
    "export/008": COMPILED,
    "fulleval/026_dont_convert_incomplete_errors_to_non-incomplete": OPEN,
    "lists/020_list_compilefail": COMPILED,
    "packages/builtin": COMPILED,
    "references/alias_err": COMPILED,
    "references/letcycle": COMPILED,
}
UNDECIDED = re.compile(
    r"non-concrete |undefined field: |incomplete |cannot reference optional field: |required field missing: "
    r"|missing required field |unresolved disjunction |invalid non-ground value |cannot range over .*\(incomplete type"
)
"""What is said of a value that somebody still has to choose, which CUE calls incomplete or nothing at all. Here it is
complained of, for it may declare something."""
SIMPLIFIED = {"comments/comments", "simplify/simplify"}
"""What is written by `cue fmt -s`, which changes more than the layout."""


@pytest.fixture(scope="module")
def material() -> Path:
    """The module's directory."""
    if compiler().missing:
        pytest.skip(compiler().missing)
    found = subprocess.run(
        [go_command(), "list", "-m", "-f", "{{.Dir}}", "cuelang.org/go"],
        cwd=ROOT / "reconciler" / "config" / "compiler",
        check=True,
        capture_output=True,
        text=True,
    )
    return Path(found.stdout.strip())


def archive(path: Path) -> dict[str, str]:
    """The files of an archive."""
    parts = re.split(r"^-- (.+) --[ \t]*\n", path.read_text(), flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def test_something_is_wrong_where_cue_says_so(material: Path) -> None:
    different, looked_at = set(), 0
    top = material / "cue" / "testdata"
    for path in sorted(top.rglob("*.txtar")):
        files = archive(path)
        cue = {name: text for name, text in files.items() if re.fullmatch(r"(?!out/|diff/).*\.cue", name)}
        if not cue:
            continue
        looked_at += 1
        codes = re.findall(r"^\[(\w+)\] ", files.get("out/errors.txt", ""), re.MULTILINE)
        wrong = any(code != "incomplete" for code in codes)
        answer = compiler().ask("cue.evaluate", {"files": cue, "library": {}, "tags": {}})
        said = [problem["message"] for problem in answer["problems"]]
        if not wrong:
            said = [message for message in said if not UNDECIDED.search(message)]
        if bool(said) != wrong:
            different.add(path.relative_to(top).with_suffix("").as_posix())
    assert different == DIFFERENT.keys()
    assert looked_at > 400


def test_files_are_formatted_as_cue_does(material: Path) -> None:
    different, looked_at = set(), 0
    for path in sorted((material / "cue" / "format" / "testdata").glob("*.txtar")):
        files = archive(path)
        for name in (name.removesuffix(".input") for name in files if name.endswith(".input")):
            golden = files.get(f"out/format/{name}.golden")
            if golden is None:
                continue
            looked_at += 1
            answer = compiler().ask("cue.format", {"files": {"a.cue": files[f"{name}.input"]}})
            if answer["files"].get("a.cue") != golden:
                different.add(f"{path.stem}/{name}")
    assert different == SIMPLIFIED
    assert looked_at > 20
