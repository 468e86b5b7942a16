"""Starlark's public test suite (github.com/bazelbuild/starlark, test_suite/testdata), and what of it fails, and why.

A file is parted by `---`; a chunk in which `###` stands is to fail with what is said behind that, in whichever
implementation is named there.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.languages.starlark.worker.session import StarlarkSession

SUITE = Path(__file__).parent / "suite"
FILES = sorted(str(path.relative_to(SUITE)) for path in SUITE.rglob("*.star"))
ASSERTS = """\
def assert_eq(x, y):
    if x != y:
        fail("%r != %r" % (x, y))

def assert_ne(x, y):
    if x == y:
        fail("%r == %r" % (x, y))

def assert_(cond, msg = "assertion failed"):
    if not cond:
        fail(msg)
"""
LOADS = 'load("assert.star", "assert_", "assert_eq", "assert_ne")\n'
_EXPECTED = re.compile(r"(.*?) *### *((go|java|rust):)? *(.*)")

DIFFERENT = {
    "go/builtins.star:64": "it is said without `Error in sorted:`",
    "go/builtins.star:69": "it is said without `Error in sorted:`",
    "go/builtins.star:74": "it is said without `Error in sorted:`",
    "go/function.star:1": "str is one of those that the prelude has in its own way, and so is no built-in function",
}
"""By file and first line of a chunk, why it does not give what is expected."""


def chunks(name: str) -> Iterator[tuple[int, str, list[str]]]:
    """Each chunk of a file: its first line, its text, and what it is to fail with."""
    first, lines, expected = 1, [], []
    for number, line in enumerate((SUITE / name).read_text(encoding="utf-8").splitlines(), 1):
        if line.rstrip() == "---":
            yield first, "\n".join(lines) + "\n", expected
            first, lines, expected = number + 1, [], []
            continue
        found = _EXPECTED.fullmatch(line)
        if found is not None and found[3] in {None, "go"}:
            expected.append(found[4])
        lines.append(line if found is None else found[1])
    yield first, "\n".join(lines) + "\n", expected


def said(name: str) -> dict[int, str]:
    """What is wrong with each chunk of a file, by its first line; "" where nothing is."""
    modules = {f"{first}.star": LOADS + text for first, text, _ in chunks(name)}
    session = StarlarkSession({**modules, "assert.star": ASSERTS}, {}, ())
    for path in modules:
        session.asks(path)
    session.write([*modules])
    found = {}
    for path in modules:
        problems = session.run(path, {}).problems
        words = [one.message for one in problems if one.message != "it defines no main(ctx)"]
        found[int(path.removesuffix(".star"))] = "\n".join(words)
    return found


def as_expected(found: str, expected: list[str]) -> str:
    """What is otherwise than is expected; "" where nothing is."""
    if not expected:
        return found
    [words] = expected
    if found and (words.lower() in found.lower() or re.search(words.lower(), found.lower())):
        return ""
    return f"expected: {words}; found: {found or 'nothing wrong'}"


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_the_suite_gives_what_is_expected(name: str) -> None:
    words = said(name)
    found = {f"{name}:{first}": as_expected(words[first], expected) for first, _, expected in chunks(name)}
    wrong = {where: what for where, what in found.items() if what}
    assert {where: what for where, what in wrong.items() if where not in DIFFERENT} == {}
    assert [where for where in found if where in DIFFERENT and where not in wrong] == []
