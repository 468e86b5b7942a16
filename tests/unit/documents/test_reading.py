"""Two readers of YAML and two of JSON agree, and whatever a file holds, there is no traceback."""

import json
import string
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reconciler.documents.invisible import INVISIBLE, escaped, name_of
from reconciler.documents.json_nodes import read_nodes as read_json_nodes
from reconciler.documents.nodes import locate, plain
from reconciler.documents.reading import Documents, read_documents
from reconciler.documents.scalars import Trap, resolve
from reconciler.documents.text import FileText, decode
from reconciler.documents.yaml_nodes import MAX_WEIGHT, chunks
from reconciler.documents.yaml_nodes import read_nodes as read_yaml_nodes
from reconciler.errors import Problem
from tests.unit.config.world import MOTD, TARGET, problems

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)
YAMLISH = st.lists(
    st.sampled_from(
        [
            *string.ascii_letters,
            *"0123456789",
            *" \n\t:-#|>'\"[]{},&*!%@`?~<=.\\\r\x00\x07\ufeff\u2028\x85é",
            *("---\n", ": ", "\n  ", "- ", "&a ", "*a", "<<: ", "!!str ", "0644", "yes", "null"),
            *(
                "\u00a0",
                "\u200b",
                "{{ x }}",
                "${x}",
                "{% x %}",
                "\n<<<<<<< a\n",
                "\n=======\n",
                "\n>>>>>>> b\n",
            ),
        ]
    ),
    max_size=60,
).map("".join)


def careful(text: str) -> list[Any]:
    file = FileText("a.yaml", text)
    found = []
    for start, end in chunks(text):
        stream = read_yaml_nodes(file, start, end)
        assert not stream.problems
        found += [plain(root) if root else None for root in stream.roots]
    return found


def checked(read: Documents, text: str) -> None:
    """Every place is one that the file has."""
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for problem in read.problems:
        assert 1 <= problem.line <= len(lines)
        assert 1 <= problem.column <= len(lines[problem.line - 1]) + 2
        assert problem.message
    for document in read.documents:
        assert 1 <= document.line <= len(lines)


@given(st.lists(JSON, min_size=1, max_size=3))
def test_both_readers_of_yaml_agree(values: list[Any]) -> None:
    text = yaml.safe_dump_all(values, allow_unicode=True)
    read = read_documents("a.yaml", text.encode())
    if not read.problems:
        found = dict.fromkeys(range(len(values)))
        found.update({document.index: document.value for document in read.documents})
        assert list(found.values()) == careful(text)


@given(JSON)
def test_both_readers_of_json_agree(value: Any) -> None:
    text = json.dumps(value)
    read = read_documents("a.json", text.encode())
    stream = read_json_nodes(FileText("a.json", text), 0, len(text))
    assert not read.problems
    assert not stream.problems
    (root,) = stream.roots
    assert root is not None
    assert plain(root) == value
    assert [document.value for document in read.documents] == [value] * (value is not None)


@settings(max_examples=400)
@given(YAMLISH)
@example("a: \x07")
@example("\ufeff\ufeff")
@example("? [a]\n: b")
@example("%YAML 1.2\n---\na: 1\n")
@example("%YAML 3.0\n---\na: 1\n")
@example("- " * 100)
@example("a: &x [*x, *y]\n---\n*x")
@example("a: b\u2028c: d: e")
@example("!!map [a]")
@example("!!seq {a: b}")
@example("a: !<tag:yaml.org,2002:int> 0644")
@example("\x85: [")
def test_no_yaml_text_ends_in_a_traceback(text: str) -> None:
    data = text.encode()
    checked(read_documents("a.yaml", data), text)


@settings(max_examples=200)
@given(st.text(alphabet=[*'{}[]":,0123456789.eE+-truefalsn \n\t\\ud8x'], max_size=40))
@example('{"a": "\\ud83d\\ude00"}')
@example("[1] [2]")
@example("-")
@example("1" * 500)
@example("[" * 70)
@example('{"a":' * 70)
@example('{"a": "')
def test_no_json_text_ends_in_a_traceback(text: str) -> None:
    checked(read_documents("a.json", text.encode()), text)


@given(st.binary(max_size=60))
@example(b"\xff\xfea\x00")
@example(b"\x00\x00\xfe\xff")
@example(b"a\n\xffb")
def test_no_bytes_end_in_a_traceback(data: bytes) -> None:
    read = read_documents("a.yaml", data)
    for problem in read.problems:
        assert problem.line >= 1
        assert problem.column >= 1


MANIFESTS = TARGET + "---\n" + MOTD


@settings(max_examples=300)
@given(st.integers(0, len(MANIFESTS)), st.integers(0, 12), YAMLISH)
def test_a_manifest_that_was_mangled_loads_or_says_where_it_is_wrong(at: int, cut: int, put: str) -> None:
    text = MANIFESTS[:at] + put + MANIFESTS[at + cut :]
    for problem in problems({"a.yaml": text}):
        assert problem.file == "a.yaml"
        assert problem.line >= 1
        assert problem.column >= 1
        assert "\x07" not in problem.excerpt


def test_a_large_document_is_no_bomb_and_means_the_same_to_both_readers() -> None:
    text = "".join(f"k{number}: {number}\n" for number in range(MAX_WEIGHT + 10))
    (value,) = careful(text)
    (document,) = read_documents("a.yaml", text.encode()).documents
    assert document.value == value


def test_keys_that_are_merged_again_and_again_are_refused_once() -> None:
    keys = ", ".join(f"k{number}: 1" for number in range(1000))
    text = f"a: &a {{{keys}}}\nb:\n" + "- {<<: *a}\n" * 200
    (problem,) = read_documents("a.yaml", text.encode()).problems
    assert "keys are merged" in problem.message


def test_a_syntax_error_costs_its_own_document_only() -> None:
    read = read_documents("a.yaml", b"a: 1\n---\nb: [\n---\nc: 3\n---\nd: 'x\n")
    assert [(document.value, document.index, document.line) for document in read.documents] == [
        ({"a": 1}, 0, 1),
        ({"c": 3}, 2, 5),
    ]
    assert [problem.line for problem in read.problems] == [3, 7]


def test_documents_are_counted_with_the_empty_ones_and_begin_at_their_first_key() -> None:
    read = read_documents("a.yaml", b"# c\n---\n---\n# d\n\na: 1\n...\n---\nb: 2\n--- {c: 3}\n")
    assert not read.problems
    assert [(document.index, document.line) for document in read.documents] == [(1, 6), (2, 9), (3, 10)]


def test_lines_are_those_of_an_editor() -> None:
    text = 'a: "x\u2028y"\r\nb: "\u0085"\rc: [\n'
    (problem,) = read_documents("a.yaml", text.encode()).problems
    assert (problem.line, problem.column, problem.excerpt) == (3, 4, "c: [")


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffa: 1\n---\nb: 2\n",
        "a: 1\n\ufeff---\nb: 2\n",
        "\ufeffa: 1\n\ufeff---\nb: 2\n",
        "a: 1\n---\n\ufeffb: 2\n",
        "\ufeff---\na: 1\n--- # c\n# d\n\n\ufeffb: 2\n",
        "a: 1\r\n...\r\n\ufeff---\r\nb: 2\r\n",
        "# c\n\ufeff---\na: 1\n---\nb: 2\n",
    ],
)
def test_any_document_may_begin_with_a_byte_order_mark(text: str) -> None:
    """Files that were saved with one and put together were refused, with a message about indentation."""
    read = read_documents("a.yaml", text.encode())
    assert not read.problems
    assert [document.value for document in read.documents] == [{"a": 1}, {"b": 2}]
    assert [document.line for document in read.documents] == [
        1 + number for number, line in enumerate(text.splitlines()) if line.lstrip("\ufeff")[:1] in {"a", "b"}
    ]
    values = read_documents("a.json", b'\xef\xbb\xbf{"a": 1}\n\xef\xbb\xbf{"b": 2}\n').documents
    assert [document.value for document in values] == [{"a": 1}, {"b": 2}]
    broken = read_documents("a.json", b'\xef\xbb\xbf{"a": 1}\n\xef\xbb\xbf{"b": }\n')
    assert ([document.value for document in broken.documents], len(broken.problems)) == ([{"a": 1}], 1)


def test_a_file_that_was_appended_without_a_line_between_is_told_of_by_its_byte_order_mark() -> None:
    read = read_documents("a.yaml", "a: 1\n\ufeffa: 2\n".encode())
    (problem,) = read.problems
    assert (problem.line, problem.message) == (
        2,
        "a byte order mark: another file begins here, and no document",
    )
    assert [document.value for document in read.documents] == [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize("character", [*"\u00a0\u00ad\u200b\u202e\u2028\u3000\ufeff\U000e0041"])
def test_what_nobody_sees_is_taken_where_it_is_written_as_an_escape(character: str) -> None:
    written = escaped(character)
    manifest = MOTD.replace("path: /etc/motd", f'path: "/etc/mo{written}td"')
    assert not problems({"a.yaml": TARGET, "b.yaml": manifest})
    (problem,) = problems({"a.yaml": TARGET, "b.yaml": MOTD.replace("/etc/motd", f"'/etc/mo{character}td'")})
    assert name_of(character) in problem.message
    assert f"if it is meant, write {written} in double quotes" in problem.hint
    assert not INVISIBLE.search(problem.excerpt)


@pytest.mark.parametrize(
    ("plain_text", "value"),
    [
        ("", None),
        ("~", None),
        ("Null", None),
        ("yes", True),
        ("Off", False),
        ("y", "y"),
        ("0", 0),
        ("-12", -12),
        ("+1", 1),
        ("0x1F", 31),
        ("0o17", 15),
        ("0b11", 3),
        ("1_000", "1_000"),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("1.", 1.0),
        ("12:30:45", "12:30:45"),
        ("2024-01-01", "2024-01-01"),
        ("0644", Trap.OCTAL),
        ("007", Trap.OCTAL),
        ("0899", Trap.OCTAL),
        (".inf", Trap.NOT_A_NUMBER),
        ("-.Inf", Trap.NOT_A_NUMBER),
        (".NaN", Trap.NOT_A_NUMBER),
        ("1e999", Trap.NOT_A_NUMBER),
        ("=", "="),
        ("-", "-"),
        ("v1", "v1"),
        ("9" * 401, "9" * 401),
    ],
)
def test_what_a_plain_scalar_means(plain_text: str, value: Any) -> None:
    found = resolve(plain_text)
    assert found == value
    assert type(found) is type(value)


def test_a_path_is_followed_as_far_as_it_goes() -> None:
    (root,) = read_yaml_nodes(FileText("a.yaml", "a:\n  b: [x, y]\n"), 0, 16).roots
    assert root is not None
    located = locate(root, ("a", "b", 1))
    assert (located.node.value, located.exact) == ("y", True)
    for path in (("a", "c"), ("a", 0), ("a", "b", 2), ("a", "b", "x"), ("a", "b", 0, "z")):
        assert not locate(root, path).exact


class TestExcerpts:
    def test_a_long_line_is_cut_around_its_column(self) -> None:
        file = FileText("a.yaml", "a: x" + "".join(chr(ord("a") + index % 26) for index in range(500)))
        assert len(file.excerpt(1, 1)) == 201
        for index in (0, 3, 159, 160, 300, len(file.text) - 1):
            problem = file.problem(index, "no")
            assert problem.excerpt[problem.caret] == file.text[index]
        assert file.excerpt(1, 1).startswith("a: x")
        middle = file.excerpt(1, 400)
        assert middle.startswith("…")
        assert len(middle) <= 82

    def test_control_characters_do_not_reach_the_terminal(self) -> None:
        file = FileText("a.yaml", "a: \x1b[31m\x9b\u202e\tb")
        assert file.excerpt(1, 1) == "a: ␛[31m\ufffd\ufffd\tb"

    def test_a_line_that_is_not_there_is_empty(self) -> None:
        assert not FileText("a.yaml", "a").line(9)


@pytest.mark.parametrize(
    ("data", "message", "place"),
    [
        (b"\xff\xfea\0", "UTF-16", (1, 1)),
        (b"\0\0\xfe\xffx", "UTF-32", (1, 1)),
        (b"a: 1\nb: \xe9\n", "0xe9 is not UTF-8", (2, 4)),
        (b"\xe9", "0xe9 is not UTF-8", (1, 1)),
        (b"\xef\xbb\xbfa: \0", "NUL", (1, 4)),
        (b"", "the file is empty", (1, 1)),
        (b"\xef\xbb\xbf \n\n", "the file is empty", (1, 1)),
    ],
)
def test_what_is_no_text_says_so(data: bytes, message: str, place: tuple[int, int]) -> None:
    problem = decode("a.yaml", data)
    assert isinstance(problem, Problem)
    assert message in problem.message
    assert (problem.line, problem.column) == place
