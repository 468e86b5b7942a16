"""`json` is as that of go.starlark.net; the cases are those of its own tests (starlark/testdata/json.star)."""

import pytest

from tests.unit.languages.starlark.worlds import value, wrong

ENCODED = [
    ("None", "null"),
    ("True", "true"),
    ("-123", "-123"),
    ("12345*12345*12345*12345*12345*12345", "3539537889086624823140625"),
    ("float(12345*12345*12345*12345*12345*12345)", "3.539537889086625e+24"),
    ("12.345e67", "1.2345e+68"),
    ("'hello'", '"hello"'),
    ("[1, 2, 3]", "[1,2,3]"),
    ("(1, 2, 3)", "[1,2,3]"),
    ("range(3)", "[0,1,2]"),
    ("dict(y = 'two', x = 1)", '{"x":1,"y":"two"}'),
    ("struct(x = 1, y = 'two')", '{"x":1,"y":"two"}'),
    ("{'a': [], 'b': {}}", '{"a":[],"b":{}}'),
]
DECODED = [
    ("null", None),
    ("-123", -123),
    ("3.539537889086625e+24", 3.539537889086625e24),
    ("0e+1", 0.0),
    ("[]", []),
    ('{"one": 1, "two": [2, {}]}', {"one": 1, "two": [2, {}]}),
    (r'"\ud83d\ude39\ud83d\udc8d"', "😹💍"),
    (r'"\u0123"', "ģ"),
    (r'["\ud83d"]', ["\N{REPLACEMENT CHARACTER}"]),
]
NOT_JSON = [
    "truefalse", '"abc', r'"ab\gc"', "'abc'", "1.2.3", "+1", "-abc", "-", "-00", "00", "--1", "1e1e1", "0123", "0x123",
    "[1, 2 ", "[1, 2, ", "[1, 2, ]", "[1, 2}", '{"one": 1', '{"one" 1', '{"one": 1 "two": 2', '{"one": 1,', "NaN",
    "Infinity", r'"a\u0000b"', r'{"a\u0000": 1}',
]  # fmt: skip
NOT_ENCODED = [
    "float('nan')",
    "{1: 'two'}",
    "len",
    "struct(x = [1, {'x': len}])",
    "recursive([])",
    "set([1])",
]


@pytest.mark.parametrize(("written", "text"), ENCODED)
def test_a_value_is_encoded(written: str, text: str) -> None:
    assert value(f"json.encode({written})") == text


@pytest.mark.parametrize(("text", "decoded"), DECODED)
def test_a_text_is_decoded(text: str, decoded: object) -> None:
    found = value(f"[json.decode({text!r}), type(json.decode({text!r}))]")
    kinds = {dict: "dict", list: "list", str: "string", int: "int", float: "float", type(None): "NoneType"}
    assert found == [decoded, kinds[type(decoded)]]


def test_what_is_no_json_is_told_or_a_default_takes_its_place() -> None:
    for text in NOT_JSON:
        assert wrong(f"def main(ctx):\n    return json.decode({text!r})\n")[0].startswith(
            "main.star:2:23: json.decode():"
        )
    assert value(
        "[json.decode('{', 1), json.decode('{', default = None), json.decode('2', default = 3)]"
    ) == [1, None, 2]


@pytest.mark.parametrize("written", NOT_ENCODED)
def test_what_json_has_not_is_told(written: str) -> None:
    before = "def recursive(x):\n    x.append(x)\n    return x\n"
    [problem] = wrong(f"{before}def main(ctx):\n    return json.encode({written})\n")
    assert problem.startswith("main.star:5:23: ")


def test_json_is_put_on_lines() -> None:
    whole = '{"x": 1, "y": ["one", "two"]}'
    assert value(f"json.indent({whole!r})") == '{\n\t"x": 1,\n\t"y": [\n\t\t"one",\n\t\t"two"\n\t]\n}'
    lines = '{\n¶~~~"x": 1,\n¶~~~"y": [\n¶~~~~~~"one",\n¶~~~~~~"two"\n¶~~~]\n¶}'
    assert value(f"json.indent({whole!r}, prefix = '¶', indent = '~~~')") == lines
    assert value(f"json.encode_indent(json.decode({whole!r}), prefix = '¶', indent = '~~~')") == lines
    assert value("dir(json)") == ["decode", "encode", "encode_indent", "indent"]
