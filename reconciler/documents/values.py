"""YAML to plain values, as fast as can be, for files in which nothing is wrong.

Invariant: what it returns is exactly what `yaml_nodes` would have returned. Whatever is wrong or merely
uncommon (a tag, an alias, a merge key, a number that is a trap, a syntax error) ends in `NotPlain`, and the
file is read again with `yaml_nodes`, which knows every place and can explain.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import yaml
from yaml._yaml import CParser
from yaml.events import (
    AliasEvent,
    MappingEndEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from reconciler.documents.scalars import STARTS, Scalar, Trap, resolve

MAX_DEPTH = 64
"""Levels of nesting. Nobody writes more, and recursion stays far from its limit."""


class NotPlain(Exception):
    """The file needs the careful reader."""


class ValueReader:
    """Reads the chunks of one file. Keys and plain scalars, few of which differ, are made once."""

    __slots__ = ("_get", "_keys", "_known")

    def __init__(self) -> None:
        self._get: Any = None
        self._keys: dict[str, str] = {}
        self._known: dict[str, Any] = {}

    def read(self, text: str) -> list[tuple[int, Any]]:
        """Every document's value with the index (in characters) at which it begins; None where it is empty.

        Raises:
            NotPlain: the careful reader must have a look.
        """
        get: Callable[[], Any] = CParser(text.encode()).get_event
        self._get = get
        documents: list[tuple[int, Any]] = []
        try:
            get()  # the start of the stream
            while get().__class__ is not StreamEndEvent:  # else the start of a document
                first = get()
                documents.append((first.start_mark.index, self._node(first, 0)))
                get()  # the end of the document
        except yaml.YAMLError as error:
            raise NotPlain from error
        return documents

    def _node(self, event: Any, depth: int) -> Any:
        kind = event.__class__
        if kind is ScalarEvent:
            text = event.value
            if event.tag is not None:
                raise NotPlain
            if event.style or (text and text[0] not in STARTS):
                return text
            return self._known[text] if text in self._known else self._resolve(text)
        if kind is AliasEvent or event.tag is not None or depth == MAX_DEPTH:
            raise NotPlain
        get = self._get
        if kind is SequenceStartEvent:
            items: list[Any] = []
            while (event := get()).__class__ is not SequenceEndEvent:
                items.append(self._node(event, depth + 1))
            return items
        fields: dict[str, Any] = {}
        count = 0
        while (event := get()).__class__ is not MappingEndEvent:
            if event.__class__ is not ScalarEvent or event.tag is not None:
                raise NotPlain
            key = event.value
            if key == "<<" and not event.style:
                raise NotPlain
            fields[self._keys.setdefault(key, key)] = self._node(get(), depth + 1)
            count += 1
        if len(fields) != count:
            raise NotPlain
        return fields

    def _resolve(self, text: str) -> Scalar:
        value = resolve(text)
        if isinstance(value, Trap):
            raise NotPlain
        self._known[text] = value
        return value
