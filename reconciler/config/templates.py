"""Templates: bodies in Jinja's language.

Invariant: what is not defined is an error, wherever it is used as anything, with its line and column in the template.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jinja2

from reconciler.config.bounded_jinja import ENVIRONMENT, MAX_TEXT, Budget, TooMuch, budget
from reconciler.config.template_trees import TemplateError, bound, check_tree, place, reads_of
from reconciler.model.facts import Section

_UNSAFE = re.compile(r"access to attribute '(.*?)' of .* is unsafe")
_NO_ATTRIBUTE = re.compile(r"has no (?:attribute|element) '?(.*?)'?\Z")


@dataclass(frozen=True, slots=True)
class Template:
    """A compiled template.

    Attributes:
        reads: what it may read, as paths such as ("vars", "port"), each once.
        sections: the facts among that.
    """

    reads: tuple[tuple[str, ...], ...]
    sections: frozenset[Section]
    _source: str
    _at: Mapping[int, tuple[tuple[str, ...], ...]]
    _compiled: jinja2.Template

    def render(self, variables: Mapping[str, Any]) -> str:
        """The text that it gives with these values.

        Raises:
            TemplateError: it gives none.
        """
        token = budget.set(Budget())
        try:
            parts, size = [], 0
            for part in self._compiled.generate(variables):
                size += len(part)
                if size > MAX_TEXT:
                    raise TooMuch(f"it makes a text of more than {MAX_TEXT} characters")
                parts.append(part)
            return "".join(parts)
        except RecursionError as error:
            raise self._failed(error, "it calls itself too deeply") from None
        except (
            jinja2.TemplateError,
            ArithmeticError,
            LookupError,
            TypeError,
            ValueError,
            AttributeError,
        ) as error:
            raise self._failed(error, str(error) or type(error).__name__) from None
        finally:
            budget.reset(token)

    def _failed(self, error: BaseException, message: str) -> TemplateError:
        line, trace = 1, error.__traceback__
        while trace is not None:
            if trace.tb_frame.f_code.co_filename == "<template>":
                line = trace.tb_lineno
            trace = trace.tb_next
        missing = _NO_ATTRIBUTE.search(message) if isinstance(error, jinja2.UndefinedError) else None
        name = missing[1] if missing else ""
        if unsafe := _UNSAFE.search(message):
            message = f"{unsafe[1]} is nothing that a template can use"
        elif name:
            message = f"there is no {name}"
        found, column = place(self._source, line, name)
        return TemplateError(message, found, column, name=name, paths=self._at.get(line, self.reads))


@functools.lru_cache(maxsize=256)
def compile_template(source: str) -> Template:
    """A template, compiled: once, however many targets it is for.

    Raises:
        TemplateError: it is none.
    """
    token = budget.set(Budget())
    try:
        tree = ENVIRONMENT.parse(source)
        check_tree(tree, source)
        at = reads_of(tree, source)
        bound(tree)
        code = ENVIRONMENT.compile(tree, filename="<template>")
        compiled = jinja2.Template.from_code(ENVIRONMENT, code, ENVIRONMENT.make_globals(None))
    except jinja2.TemplateSyntaxError as error:
        line, column = place(source, error.lineno, "")
        said = (error.message or "this is no template").rstrip(".")
        raise TemplateError(said[:1].lower() + said[1:], line, column) from None
    finally:
        budget.reset(token)
    reads = tuple(dict.fromkeys(path for paths in at.values() for path in paths))
    sections = frozenset(Section(path[1]) for path in reads if path[0] == "facts")
    return Template(reads, sections, source, at, compiled)
