"""When a job of cron runs: what cron(8) takes, and why it does not take something else."""

from __future__ import annotations

import re

MACROS = {
    "@reboot": "@reboot",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
"""What has a name, and what it stands for."""
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
FIELDS = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of the month", 1, 31, ()),
    ("month", 1, 12, MONTHS),
    ("day of the week", 0, 7, DAYS),
)
_WORD = re.compile("[a-z]+")
EXAMPLE = "such as `*/15 * * * *`, `0 3 * * mon-fri` or `@daily`"


def normal(schedule: str) -> str:
    """With one space between fields."""
    return " ".join(schedule.split())


def meaning(schedule: str) -> str:
    """The same for all ways to write when it runs: names as their numbers."""
    fields = MACROS.get(schedule, schedule).split()
    if len(fields) != len(FIELDS):
        return normal(schedule)
    return " ".join(
        _in_numbers(text.lower(), low, words) for text, (_, low, _, words) in zip(fields, FIELDS, strict=True)
    )


def _in_numbers(text: str, low: int, words: tuple[str, ...]) -> str:
    return _WORD.sub(lambda found: str(_number(found[0], low, words)), text)


def wrong(schedule: str) -> str:
    """Why cron would not take it; "" if it would."""
    fields = schedule.split()
    if len(fields) == 1 and fields[0].startswith("@"):
        return (
            "" if fields[0] in MACROS else f"there is no {fields[0]}; there are {', '.join(sorted(MACROS))}"
        )
    if len(fields) != len(FIELDS):
        return f"it has {len(fields)} fields, and not {len(FIELDS)}, {EXAMPLE}"
    for text, (name, low, high, words) in zip(fields, FIELDS, strict=True):
        for part in text.split(","):
            if why := _wrong_part(part, low, high, words):
                return f"{name}: {why}"
    return ""


def _wrong_part(part: str, low: int, high: int, words: tuple[str, ...]) -> str:
    span, slash, step = part.partition("/")
    if slash and (not step.isdecimal() or int(step) == 0):
        return f"{part!r} has no step such as */5"
    if span == "*":
        return ""
    first, dash, last = span.partition("-")
    if slash and not dash:
        return f"{part!r} has a step, and no range such as {first or low}-{high}/{step}"
    numbers = [_number(text, low, words) for text in ((first, last) if dash else (first,))]
    for text, number in zip((first, last), numbers, strict=False):
        if number is None or not low <= number <= high:
            return f"{text!r} is not from {low} to {high}" + (
                f", nor {words[0]} to {words[-1]}" if words else ""
            )
    if dash and (numbers[0] or 0) > (numbers[1] or 0):
        return f"{part!r} ends before it begins"
    return ""


def _number(text: str, low: int, words: tuple[str, ...]) -> int | None:
    if text.isascii() and text.isdecimal():
        return int(text)
    return words.index(text.lower()) + low if text.lower() in words else None
