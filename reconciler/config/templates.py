"""Templates: bodies in Jinja's language.

Invariant: what is not defined is an error, wherever it is used as anything, with its line and column in the template.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import jinja2
from jinja2 import nodes

from reconciler.config.bounded_jinja import ENVIRONMENT
from reconciler.config.render_budget import MAX_TEXT, RenderBudget, TooMuch, budget
from reconciler.config.template_trees import (
    TemplateError,
    check_tree,
    others_in,
    place,
    reads_of,
    surely_read,
)
from reconciler.model.facts import Section

Load: TypeAlias = "Callable[[str], str | None]"

_INLINE = "<template>"
_UNSAFE = re.compile(r"access to attribute '(.*?)' of .* is unsafe")
_NO_ATTRIBUTE = re.compile(r"has no (?:attribute|element) '?(.*?)'?\Z")


@dataclass(frozen=True, slots=True)
class _Part:
    """A file of a template: its text, what is read on each line, and what of that in any case."""

    text: str
    reads: Mapping[int, tuple[tuple[str, ...], ...]]
    surely: tuple[tuple[int, tuple[str, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class Template:
    """A compiled template.

    Attributes:
        reads: what it may read, as paths such as ("vars", "port"), each once.
        sections: the facts among that.
    """

    reads: tuple[tuple[str, ...], ...]
    sections: frozenset[Section]
    _parts: Mapping[str, _Part]
    _compiled: jinja2.Template

    def render(self, variables: Mapping[str, Any]) -> str:
        """The text that it gives with these values.

        Raises:
            TemplateError: it gives none.
        """
        token = budget.set(RenderBudget())
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

    def missing(self, look: Callable[[Sequence[str]], tuple[Any, int]]) -> Iterator[TemplateError]:
        """What is not there, and would be written out whatever the facts are, which are not known yet.

        Args:
            look: what a path leads to, and how many of its steps there are.
        """
        file, part = next(iter(self._parts.items()))
        for line, path in part.surely:
            depth = len(path) if path[0] == "facts" else look(path)[1]
            if depth < len(path):
                where = place(part.text, line, path[depth])
                failed = TemplateError(f"there is no {path[depth]}", *where, name=path[depth], paths=(path,))
                failed.file, failed.text = "" if file == _INLINE else file, part.text
                yield failed

    def mistake(self, message: str, hint: str) -> TemplateError:
        """What is wrong with what it makes of its values, at the first of them."""
        for file, part in self._parts.items():
            for line, paths in sorted(part.reads.items()):
                for path in paths:
                    failed = TemplateError(message, *place(part.text, line, path[0]), hint)
                    failed.file, failed.text = "" if file == _INLINE else file, part.text
                    return failed
        raise AssertionError("what reads nothing has nothing to make it of")

    def _failed(self, error: BaseException, message: str) -> TemplateError:
        file, line, trace = next(iter(self._parts)), 1, error.__traceback__
        while trace is not None:
            if trace.tb_frame.f_code.co_filename in self._parts:
                file, line = trace.tb_frame.f_code.co_filename, trace.tb_lineno
            trace = trace.tb_next
        missing = _NO_ATTRIBUTE.search(message) if isinstance(error, jinja2.UndefinedError) else None
        name = missing[1] if missing else ""
        if unsafe := _UNSAFE.search(message):
            message = f"{unsafe[1]} is nothing that a template can use"
        elif name:
            message = f"there is no {name}"
        part = self._parts[file]
        found, column = place(part.text, line, name)
        failed = TemplateError(message, found, column, name=name, paths=part.reads.get(line, self.reads))
        failed.file, failed.text = "" if file == _INLINE else file, part.text
        return failed


@functools.lru_cache(maxsize=256)
def compile_template(source: str) -> Template:
    """A template that is in no file, compiled: once, however many targets it is for.

    Raises:
        TemplateError: it is none.
    """
    part = _part(_INLINE, source, lambda tree: _has_no_other(tree, source))
    code = ENVIRONMENT.compile(source, filename=_INLINE)
    return _template(
        {_INLINE: part}, jinja2.Template.from_code(ENVIRONMENT, code, ENVIRONMENT.make_globals(None))
    )


def compile_file(path: str, text: str, load: Load) -> Template:
    """A template that is in a file, with all that it has in it, compiled.

    Args:
        path: of the file in its source.
        text: what is in it.
        load: gives the text of another file of the source; None if there is none.

    Raises:
        TemplateError: it is none.
    """
    parts: dict[str, _Part] = {}
    waiting = {path: text}
    while waiting:
        name, source = waiting.popitem()

        def has(tree: nodes.Template, name: str = name, source: str = source) -> None:
            for other, line, optional in others_in(tree, source):
                file = ENVIRONMENT.join_path(other, name)
                if file in parts or file in waiting or file == name:
                    continue
                found = load(file)
                if found is not None:
                    waiting[file] = found
                elif not optional:
                    raise TemplateError(f"there is no {file} in the source", *place(source, line, other))

        parts[name] = _part(name, source, has, included=name != path)
    texts = {name: part.text for name, part in parts.items()}
    environment = ENVIRONMENT.overlay(
        cache_size=-1,  # what is in a loop is compiled once
        loader=jinja2.FunctionLoader(lambda name: (texts[name], name, None) if name in texts else None),
    )
    return _template(parts, environment.get_template(path))


def _part(
    name: str, source: str, check: Callable[[nodes.Template], None], *, included: bool = False
) -> _Part:
    """A file of a template, looked through.

    Raises:
        TemplateError: something is wrong with it.
    """
    try:
        tree = ENVIRONMENT.parse(source)
        check(tree)
        check_tree(tree, source, included=included)
        reads = reads_of(tree, source)
        ENVIRONMENT.compile(
            tree, filename=_INLINE
        )  # some mistakes come out only where Jinja makes Python of it
    except jinja2.TemplateSyntaxError as error:
        said = (error.message or "this is no template").rstrip(".")
        failed = TemplateError(said[:1].lower() + said[1:], *place(source, error.lineno, ""))
    except RecursionError:
        failed = TemplateError(
            "it has too much within each other", 1, 1, "put a part of it into a file of its own"
        )
    except SyntaxError as error:  # Python's, which has bounds of its own for what Jinja makes
        failed = TemplateError(
            f"it has too much within each other: {error.msg}", 1, 1, "put a part of it into a file of its own"
        )
    except TemplateError as error:
        failed = error
    else:
        return _Part(source, reads, () if included else surely_read(tree))
    failed.file, failed.text = "" if name == _INLINE else name, source
    raise failed from None


def _has_no_other(tree: nodes.Template, source: str) -> None:
    for _, line, _ in others_in(tree, source):
        hint = "put it into a file beside the manifest"
        raise TemplateError("only a template in a file can have others in it", *place(source, line, ""), hint)


def _template(parts: Mapping[str, _Part], compiled: jinja2.Template) -> Template:
    reads = tuple(
        dict.fromkeys(path for part in parts.values() for paths in part.reads.values() for path in paths)
    )
    return Template(
        reads, frozenset(Section(path[1]) for path in reads if path[0] == "facts"), parts, compiled
    )
