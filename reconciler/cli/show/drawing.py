"""The graph as a drawing, SVG: in layers from top to bottom, each instance below all that comes before it.

No other program is needed. Invariant: the same graph gives the same drawing, to the byte.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from html import escape

from reconciler.cli.show.graphs import TargetGraph
from reconciler.core.visible import one_line
from reconciler.model.graph import EdgeKind
from reconciler.model.names import Address

HEIGHT = 44
"""Of a box."""
GAP = 28
"""Between two boxes of a layer."""
RISE = 92
"""From one layer to the next."""
MARGIN = 24
TITLE = 36
LETTER = 7.6
"""About how wide a letter is."""
WHERE = 0.6
"""At which part of its way an arrow says why it is there."""
SHOWN = 46
"""Letters of a line of a box."""

_STYLE = """\
<style>
  svg { background: #ffffff; font-family: ui-sans-serif, system-ui, sans-serif; }
  rect { fill: #f6f8fa; stroke: #57606a; }
  text { fill: #1f2328; font-size: 13px; }
  .about, .why { fill: #57606a; font-size: 11px; }
  .why { stroke: #ffffff; stroke-width: 4px; paint-order: stroke; }
  .title { font-size: 16px; font-weight: bold; }
  path { fill: none; stroke: #57606a; }
  .notify { stroke-dasharray: 5 4; }
  #tip path { fill: #57606a; stroke: none; }
</style>
<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">\
<path d="M0 0 8 4 0 8z"/></marker></defs>"""


@dataclass(frozen=True, slots=True)
class _Box:
    x: float
    y: float
    width: float


def svg(graphs: Iterable[TargetGraph]) -> Iterator[str]:
    """The lines of the drawing: one target below the other."""
    drawn: list[str] = []
    top, width = float(MARGIN), 0.0
    for graph in graphs:
        boxes = _placed(graph, top + TITLE)
        drawn.append(f'<text class="title" x="{MARGIN}" y="{top + 16:.0f}">{_text(graph.target, 100)}</text>')
        drawn += _arrows(graph, boxes)
        drawn += (line for address, box in boxes.items() for line in _box(box, *graph.nodes[address]))
        width = max([width, *(box.x + box.width for box in boxes.values()), len(graph.target) * 10.0])
        top = max(box.y for box in boxes.values()) + HEIGHT + 2 * MARGIN
    size = f'viewBox="0 0 {width + MARGIN:.0f} {top:.0f}" width="{width + MARGIN:.0f}"'
    yield f'<svg xmlns="http://www.w3.org/2000/svg" {size}>'
    yield _STYLE
    yield from drawn
    yield "</svg>"


def _placed(graph: TargetGraph, top: float) -> dict[Address, _Box]:
    """A box for each instance: one layer below the lowest of what comes before it, near the middle of all of these."""
    before: dict[Address, list[Address]] = {}
    for arrow in graph.arrows:
        before.setdefault(arrow.then, []).append(arrow.first)
    depths: dict[Address, int] = {}
    for address in graph.nodes:
        depths[address] = 1 + max((depths[one] for one in before.get(address, ())), default=-1)
    layers: dict[int, list[Address]] = {}
    for address, depth in depths.items():
        layers.setdefault(depth, []).append(address)
    boxes: dict[Address, _Box] = {}
    for depth in sorted(layers):
        middle = {address: _middle(boxes, before.get(address, ())) for address in layers[depth]}
        x = float(MARGIN)
        for address in sorted(layers[depth], key=lambda address: middle[address]):
            width = LETTER * max(len(line[:SHOWN]) for line in graph.nodes[address]) + 24
            x = max(x, middle[address] - width / 2)
            boxes[address] = _Box(x, top + depth * RISE, width)
            x += width + GAP
    return boxes


def _middle(boxes: Mapping[Address, _Box], above: Iterable[Address]) -> float:
    centres = [boxes[address].x + boxes[address].width / 2 for address in above]
    return sum(centres) / len(centres) if centres else 0.0


def _box(box: _Box, ref: str, subject: str) -> Iterator[str]:
    middle = box.x + box.width / 2
    yield f'<rect x="{box.x:.0f}" y="{box.y:.0f}" width="{box.width:.0f}" height="{HEIGHT}" rx="7"/>'
    line = 18 if subject else 27
    yield f'<text x="{middle:.0f}" y="{box.y + line:.0f}" text-anchor="middle">{_text(ref, SHOWN)}</text>'
    if subject:
        at = f'x="{middle:.0f}" y="{box.y + 34:.0f}" text-anchor="middle"'
        yield f'<text class="about" {at}>{_text(subject, SHOWN)}</text>'


def _arrows(graph: TargetGraph, boxes: Mapping[Address, _Box]) -> Iterator[str]:
    for arrow in graph.arrows:
        first, then = boxes[arrow.first], boxes[arrow.then]
        x, y = first.x + first.width / 2, first.y + HEIGHT
        to_x, to_y = then.x + then.width / 2, then.y
        bend = (to_y - y) / 2
        style = ' class="notify"' if arrow.kind is EdgeKind.NOTIFY else ""
        title = f"<title>{_text(f'{arrow.then} comes after {arrow.first}: {arrow.why}', 400)}</title>"
        curve = f"M{x:.0f} {y:.0f}C{x:.0f} {y + bend:.0f} {to_x:.0f} {to_y - bend:.0f} {to_x:.0f} {to_y:.0f}"
        yield f'<path{style} d="{curve}" marker-end="url(#tip)">{title}</path>'
        at_x, at_y = _on_curve(x, to_x, x, to_x), _on_curve(y, to_y, y + bend, to_y - bend)
        yield f'<text class="why" x="{at_x + 6:.0f}" y="{at_y + 4:.0f}">{_text(arrow.why, 30)}</text>'


def _on_curve(start: float, end: float, leaving: float, arriving: float) -> float:
    """Where a Bézier curve is, one co-ordinate of it, at WHERE of its way."""
    left = 1 - WHERE
    return left**3 * start + 3 * left**2 * WHERE * leaving + 3 * left * WHERE**2 * arriving + WHERE**3 * end


def _text(text: str, longest: int) -> str:
    safe = one_line(text)
    return escape(safe if len(safe) <= longest else safe[: longest - 1] + "…")
