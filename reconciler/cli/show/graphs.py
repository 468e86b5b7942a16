"""What comes before what, as text that others draw: Mermaid, DOT, and a document."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.core.edges import because
from reconciler.core.visible import one_line
from reconciler.model.graph import EdgeKind, Graph
from reconciler.model.names import Address, TargetName
from reconciler.model.resource import Instance

_MERMAID = re.compile(r'[#"<>&`]|[^\x20-\x7e]')
"""What means something in a label of Mermaid, or might."""


@dataclass(frozen=True, slots=True)
class Arrow:
    """One edge.

    Attributes:
        first: what comes first.
        then: what comes after it.
        kind: who says so.
        why: the field that says it, or the subject from which it was inferred.
    """

    first: Address
    then: Address
    kind: EdgeKind
    why: str


@dataclass(frozen=True, slots=True)
class TargetGraph:
    """What is declared for a target.

    Attributes:
        target: its name.
        nodes: the instances, in an order that keeps every edge: each with its reference and what it is about.
        arrows: the edges.
    """

    target: TargetName
    nodes: Mapping[Address, tuple[str, str]]
    arrows: tuple[Arrow, ...]


def graph_of(target: TargetName, graph: Graph, instances: Mapping[Address, Instance]) -> TargetGraph:
    """The graph of a target, with the reason of each edge."""
    arrows = []
    for address in graph.order:
        for edge in graph.dependencies.get(address, ()):
            why = edge.kind.value
            if edge.kind is EdgeKind.INFERRED:
                why = str(because(instances[edge.dependency], instances[address]) or why)
            arrows.append(Arrow(edge.dependency, address, edge.kind, why))
    nodes = {}
    for address in graph.order:
        one = instances[address]
        nodes[address] = (str(one.ref), str(one.provides[0]) if one.provides else "")
    return TargetGraph(target, nodes, tuple(arrows))


def mermaid(graphs: Iterable[TargetGraph]) -> Iterator[str]:
    """A flowchart, as Markdown shows it between ```mermaid and ```."""
    yield "flowchart TD"
    number = 0
    for place, graph in enumerate(graphs):
        names: dict[Address, str] = {}
        yield f'  subgraph t{place}["{_label(graph.target)}"]'
        for address, (ref, subject) in graph.nodes.items():
            names[address] = f"n{number}"
            number += 1
            about = f"<br/>{_label(subject)}" if subject else ""
            yield f'    {names[address]}["{_label(ref)}{about}"]'
        yield "  end"
        for arrow in graph.arrows:
            line = "-.->" if arrow.kind is EdgeKind.NOTIFY else "-->"
            yield f'  {names[arrow.first]} {line}|"{_label(arrow.why)}"| {names[arrow.then]}'


def dot(graphs: Iterable[TargetGraph]) -> Iterator[str]:
    """A graph in the language of Graphviz."""
    yield "digraph froyo {"
    yield '  node [shape=box, style=rounded, fontname="sans-serif"];'
    yield '  edge [fontname="sans-serif", fontsize=10];'
    for place, graph in enumerate(graphs):
        yield f"  subgraph cluster_{place} {{"
        yield f"    label={_quoted(graph.target)};"
        for address, (ref, subject) in graph.nodes.items():
            yield f"    {_quoted(address)} [label={_quoted(ref, subject)}];"
        yield "  }"
        for arrow in graph.arrows:
            style = ", style=dashed" if arrow.kind is EdgeKind.NOTIFY else ""
            yield f"  {_quoted(arrow.first)} -> {_quoted(arrow.then)} [label={_quoted(arrow.why)}{style}];"
    yield "}"


def document(graphs: Iterable[TargetGraph]) -> dict[str, Any]:
    """The same for machines."""
    return {
        "items": [
            {
                "target": graph.target,
                "nodes": [
                    {"address": address, "ref": ref, "subject": subject}
                    for address, (ref, subject) in graph.nodes.items()
                ],
                "edges": [
                    {"from": arrow.first, "to": arrow.then, "kind": arrow.kind.value, "why": arrow.why}
                    for arrow in graph.arrows
                ],
            }
            for graph in graphs
        ]
    }


def _label(text: str) -> str:
    return _MERMAID.sub(lambda found: f"#{ord(found[0])};", one_line(text))


def _quoted(*lines: str) -> str:
    """A string of DOT; a backslash and an n part its lines."""
    inner = "\\n".join(json.dumps(one_line(line), ensure_ascii=False)[1:-1] for line in lines if line)
    return f'"{inner}"'
