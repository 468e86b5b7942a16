"""The formats of `-o`: what a machine reads. Text for a person is the business of `show`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from reconciler.cli.terminal import Terminal
from reconciler.core.visible import visible


class Format(StrEnum):
    """How a command answers."""

    TEXT = "text"
    WIDE = "wide"
    JSON = "json"
    YAML = "yaml"
    NAME = "name"

    @property
    def is_document(self) -> bool:
        """Whether the answer is a document as `docs/cli.md` has it."""
        return self in (Format.JSON, Format.YAML)


def emit(screen: Terminal, document: Any, chosen: Format) -> None:
    """Print a document."""
    if chosen is Format.YAML:
        import yaml

        text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100).rstrip("\n")
        if visible(text) != text:  # a terminal would obey something in it; escaped it is the same value
            text = yaml.safe_dump(document, sort_keys=False, allow_unicode=False, width=100).rstrip("\n")
    else:
        text = json.dumps(document, indent=2, ensure_ascii=True)
    print(text, file=screen.out)


def emit_line(screen: Terminal, document: Any, chosen: Format) -> None:
    """Print one document of a stream: a line of JSON, or a document of YAML."""
    if chosen is Format.YAML:
        print("---", file=screen.out)
        emit(screen, document, chosen)
    else:
        print(json.dumps(document, ensure_ascii=True, separators=(",", ":")), file=screen.out)
    screen.out.flush()


def emit_names(screen: Terminal, names: Sequence[str]) -> None:
    """Print names, one a line."""
    for name in names:
        screen.line(screen.fit(name) if screen.width is None else name)
