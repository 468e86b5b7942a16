"""YAML is laid out, and nothing that it says changes, nor what people have remarked."""

from pathlib import Path

import pytest
import yaml

from reconciler.documents.formatting import CannotFormat, formatted

EXAMPLES = Path(__file__).parents[3] / "examples"

BEFORE = """\


# top
apiVersion:   v1   # c
kind: X


metadata:
    name: a\x20\x20\x20
    labels:
        # about b
        b: c
    # end of metadata
spec:
   list:
   - a
   -   b
   # before c
   - c: 1
     d:
        - e

        - f: |
              text
                more


              end
        - >-
            folded
            x
        - |2
            indicated
   flow: [a,
      b,   # in flow
      c
   ]
   plain: some words
      that go on
   quoted: "a
      b"
   nested:
   -   - x
       - y
   -
      k: v
   shared: &one
   # of what follows
   - {a: 1}
   again: *one
   tagged: &two
        x: 1
   empty:
# last
---
- 1
-   2
...
"""
AFTER = """\
# top
apiVersion:   v1   # c
kind: X

metadata:
  name: a
  labels:
    # about b
    b: c
  # end of metadata
spec:
  list:
    - a
    - b
    # before c
    - c: 1
      d:
        - e

        - f: |
            text
              more


            end
        - >-
          folded
          x
        - |2
            indicated
  flow: [a,
     b,   # in flow
     c
  ]
  plain: some words
     that go on
  quoted: "a
     b"
  nested:
    - - x
      - y
    -
      k: v
  shared: &one
    # of what follows
    - {a: 1}
  again: *one
  tagged: &two
    x: 1
  empty:
# last
---
- 1
- 2
...
"""


def test_layout_is_two_spaces_a_level_and_comments_go_with_what_they_are_about() -> None:
    assert formatted(BEFORE) == AFTER
    assert formatted(AFTER) == AFTER
    assert list(yaml.safe_load_all(BEFORE)) == list(yaml.safe_load_all(AFTER))


def test_the_ends_of_lines_are_those_of_unix() -> None:
    assert formatted("a:\r\n   b: 1\r\n\r\n") == "a:\n  b: 1\n"
    assert formatted("a: 1") == "a: 1\n"
    assert formatted("# nothing\n") == "# nothing\n"


@pytest.mark.parametrize("text", ["a: [", "|\n  text\n", "a: 1\n b: 2\n"])
def test_what_is_not_understood_stays_as_it_is(text: str) -> None:
    with pytest.raises(CannotFormat):
        formatted(text)


@pytest.mark.parametrize("path", sorted(EXAMPLES.rglob("*.yaml")), ids=lambda path: path.name)
def test_examples_say_the_same_afterwards(path: Path) -> None:
    text = path.read_text()
    made = formatted(text)
    assert formatted(made) == made
    assert "".join(made.split()) == "".join(text.split())
    # As somebody would write it who indents by four, and lists not at all.
    assert formatted(made.replace("\n    ", "\n    ")) == made
