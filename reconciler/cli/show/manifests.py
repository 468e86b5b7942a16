"""Manifests as people write them.

Invariant: what is written here is read again as what it was.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import yaml

from reconciler.core.visible import one_line, visible


class _Dumper(yaml.SafeDumper):
    """Lists are indented, texts of several lines are blocks, and what some reader may take for no text has quotes."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> Any:
        del indentless
        return super().increase_indent(flow=flow, indentless=False)

    def analyze_scalar(self, scalar: str) -> Any:
        """As ever; but a tab is nothing special in a block, where files of configuration have it."""
        analysis = super().analyze_scalar(scalar.replace("\t", " "))
        analysis.scalar = scalar
        return analysis


_BRACES = "{\ue0f0{"
"""Stands for two braces that are no template, until they are written: what a target has means itself."""


_BOOLEANS = frozenset("yYnN")
"""Of these some readers make booleans, and PyYAML text."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    if "{{" in text and "\n" not in text:
        return dumper.represent_scalar("tag:yaml.org,2002:str", text.replace("{{", _BRACES), style='"')
    if text in _BOOLEANS:
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"')
    style = "|" if "\n" in text else None if text[:1].isalpha() or text[:1] == "/" else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def _dumped(manifest: dict[str, Any], *, as_it_looks: bool) -> str:
    text: str = yaml.dump(manifest, Dumper=_Dumper, sort_keys=False, allow_unicode=as_it_looks, width=100)
    return text.replace(_BRACES, "\\u007b{").replace("{\\uE0F0{", "\\u007b{")


def manifest_text(manifests: Iterable[tuple[dict[str, Any], str]], target: str) -> str:
    """Manifests of what was found on a target, as a file.

    Args:
        manifests: each with a remark that stands above it, or "".
        target: its name.
    """
    parts = [f"# What was found on {one_line(target)}, by froyo import.\n"]
    for manifest, remark in manifests:
        lines = "".join(f"# {visible(line)}\n" for line in remark.splitlines())
        parts.append(lines + one_text(manifest))
    return "---\n".join(parts)


def one_text(manifest: dict[str, Any]) -> str:
    """One manifest."""
    text = _dumped(manifest, as_it_looks=True)
    # A target is not to make anybody see what is not there.
    return text if visible(text) == text else _dumped(manifest, as_it_looks=False)
