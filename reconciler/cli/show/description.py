"""Everything that is known of one resource."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reconciler.api import times
from reconciler.cli.here import from_here
from reconciler.cli.phrases import advised
from reconciler.cli.show.events import event_lines
from reconciler.cli.show.messages import message_lines
from reconciler.cli.show.plans import diff_lines, spoken
from reconciler.cli.show.rendered import rendered_lines
from reconciler.cli.show.resources import READY
from reconciler.cli.terminal import Terminal
from reconciler.core.visible import one_line

Document = dict[str, Any]


def description(screen: Terminal, view: Document, events: Sequence[Document], *, now: float) -> list[str]:
    """Everything about one resource."""

    def head(title: str) -> str:
        return screen.paint("bold", title)

    lines = [f"{head('Resource')}    {one_line(view['address'])}"]
    if spoken(view):
        lines.append(f"{head('Subject')}     {one_line(spoken(view))}")
    if view.get("declaredAt"):
        lines.append(f"{head('Declared at')} {one_line(from_here(view['declaredAt']))}")
    ready = screen.paint(READY[view["ready"]], view["ready"])
    first, *rest = message_lines(screen, advised(view), indent=" " * 12)
    lines += [f"{head('Ready')}       {ready}, {view['reason']}: {first}", *rest]
    lines.append(
        f"{head('Generation')}  {view['generation']}, observed {view['observedGeneration']}, "
        f"seen so for {times.age(view['observedAt'], now=now)}"
        if view["observedAt"]
        else f"{head('Generation')}  {view['generation']}, not observed in sync yet"
    )
    for entry in view.get("suspended", ()):
        until = f" until {times.clock(entry['until'], now=now)}" if entry["until"] else ""
        lines.append(
            f"{head('Suspended')}   {one_line(entry['object'])} by {one_line(entry['by'])}"
            f" since {times.clock(entry['since'], now=now)}{until}: {one_line(entry['reason'])}"
        )
    if view.get("metadata", {}).get("labels"):
        labels = ", ".join(f"{key}={value}" for key, value in sorted(view["metadata"]["labels"].items()))
        lines.append(f"{head('Labels')}      {one_line(labels)}")
    for title, ordered in (("Requires", "require"), ("Before", "before"), ("Notifies", "notify")):
        if view.get(ordered):
            lines.append(f"{head(f'{title:<12}')}{one_line(', '.join(view[ordered]))}")
    if "spec" in view:
        lines += ["", head("Spec")]
        common: Document = {field: view[field] for field in ("policy", "adopt", "deletion") if field in view}
        lines += _mapping({**view["spec"], **common})
    if view.get("rendered"):
        lines += ["", head("Values"), *rendered_lines(screen, view["rendered"], indent="  ")]
    return lines + _past(screen, view, events, now=now)


def _past(screen: Terminal, view: Document, events: Sequence[Document], *, now: float) -> list[str]:
    """How it came to be as it is."""

    def head(title: str) -> str:
        return screen.paint("bold", title)

    lines = ["", head("Conditions")]
    for condition in view["conditions"]:
        since = times.clock(condition["lastTransitionTime"], now=now)
        lines.append(
            f"  {condition['type']}={condition['status']}  {condition['reason']}  since {since}  "
            f"{one_line(condition['message'])}"
        )
    if not view["conditions"]:
        lines.append("  none yet: it has not been looked at")
    lines += ["", head("What was done last")]
    for entry in reversed(view["history"]):
        lines.append(
            f"  {times.clock(entry['at'], now=now)}  {entry['outcome']}  {one_line(entry['message'])}"
            f"  {screen.paint('dim', entry['cause'])}"
        )
    if not view["history"]:
        lines.append("  nothing")
    if events:
        lines += ["", head("Last events")]
        lines += [f"  {line}" for line in event_lines(screen, events, now=now)]
        diffs = next((e["data"]["diffs"] for e in reversed(events) if e.get("data", {}).get("diffs")), None)
        if diffs:
            lines += ["", head("What differed last")]
            lines += diff_lines(screen, diffs, indent="  ")
    return lines


def _mapping(value: dict[str, Any], indent: str = "  ") -> list[str]:
    lines = []
    width = max((len(key) for key in value), default=0)
    for key, found in value.items():
        if isinstance(found, dict) and found and "digest" not in found:
            lines.append(f"{indent}{one_line(key)}:")
            lines += _mapping(found, indent + "  ")
        elif isinstance(found, dict) and "digest" in found:
            told = f"{found['digest']} ({found.get('size', '?')} B)"
            lines.append(f"{indent}{one_line(key):<{width}}  {one_line(told)}")
        elif isinstance(found, list):
            lines.append(f"{indent}{one_line(key):<{width}}  {one_line(', '.join(map(str, found))) or '[]'}")
        else:
            text = str(found).lower() if isinstance(found, bool) else str(found)
            lines.append(f"{indent}{one_line(key):<{width}}  {one_line(text)}")
    return lines
