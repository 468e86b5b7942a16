"""The files of policies, as they are written: which of them is Rego, which is data, and what is asked of them.

Invariant: what governs nothing is not taken for policies, be it beside some that do: a misspelt package, or rule, must
not be found out by what it let pass.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.core.suggest import closest
from reconciler.errors import ConfigError, Problem
from reconciler.model.policy import BUNDLES, DATA, TESTS, PolicyFiles, is_policy

STAGES = ("admission", "plan")
RULES = ("deny", "warn", "require_approval")
ASKING = "(froyo)/asked.rego"
"""What the module is called that asks the others. No file can have that name in a source."""
ENTRYPOINTS = tuple(f"froyo/asked/{stage}" for stage in STAGES)
_PACKAGE = re.compile(r"^[ \t]*package[ \t]+([\w.]+)", re.MULTILINE)
_RULE = re.compile(r"^[ \t]*(?:default[ \t]+)?([A-Za-z_]\w*)", re.MULTILINE)
_SET = re.compile(r"^([A-Za-z_]\w*)[ \t]+contains\b", re.MULTILINE)
MOST_BYTES = 4 << 20
"""How much Rego and data one place may have."""


def asking() -> str:
    """The module that asks for all that the others say, so that one evaluation answers all of it."""
    lines = ["package froyo.asked", ""]
    lines += [f'{stage}["{rule}"] := data.froyo.{stage}.{rule}' for stage in STAGES for rule in RULES]
    return "\n".join(lines) + "\n"


@dataclass(slots=True)
class WrittenPolicies:
    """Policies as they are written.

    Attributes:
        modules: Rego by path, without tests.
        tests: the tests by path.
        data: the document that they find below `data`.
        bundles: those that were made elsewhere, by path.
        stages: which of STAGES they say something about, beside the bundles.
    """

    modules: dict[str, str] = field(default_factory=dict)
    tests: dict[str, str] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    bundles: dict[str, bytes] = field(default_factory=dict)
    stages: frozenset[str] = frozenset()


def read(files: PolicyFiles) -> WrittenPolicies:
    """What the files of a place are.

    Raises:
        ConfigError: they cannot be read, or are no policies.
        SnapshotGone: a file moved on before it was read.
    """
    found, problems = WrittenPolicies(), []
    governing: dict[str, list[str]] = {}
    size = 0
    for path in sorted(files.files):
        name = path.rsplit("/", 1)[-1]
        if not is_policy(path):
            continue
        content = files.files[path].read()
        if path.endswith(BUNDLES):
            found.bundles[path] = content
            continue
        size += len(content)
        if size > MOST_BYTES:
            problems.append(Problem(path, 0, 0, f"policies and their data may have {MOST_BYTES >> 20} MiB"))
            break
        try:
            text = content.decode()
        except UnicodeDecodeError:
            problems.append(Problem(path, 0, 0, "it is no text in UTF-8"))
            continue
        if name in DATA:
            problems += _put_data(found.data, path, text)
            continue
        (found.tests if path.endswith(TESTS) else found.modules)[path] = text
        package = _package(text)
        if package == "froyo.asked" or package.startswith("froyo.asked."):
            problems.append(_at_package(path, text, "the package froyo.asked is froyo's own", ""))
        elif not path.endswith(TESTS) and package in {f"froyo.{stage}" for stage in STAGES}:
            governing.setdefault(package.removeprefix("froyo."), []).append(path)
    if not problems and found.modules:
        if governing:
            problems += [*_say_nothing(found.modules, governing), *_asked_by_nobody(found.modules, governing)]
        else:
            problems.append(_governs_nothing(found.modules))
    if problems:
        raise ConfigError(problems)
    found.stages = frozenset(governing)
    return found


def _package(text: str) -> str:
    found = _PACKAGE.search(text)
    return found[1] if found else ""


def _governs_nothing(modules: Mapping[str, str]) -> Problem:
    path, text = next(iter(modules.items()))
    said = ", ".join(sorted({_package(one) or "none" for one in modules.values()}))
    message = f"these policies govern nothing: their packages are {said}"
    hint = "rules that decide are in `package froyo.plan` or `package froyo.admission`"
    return _at_package(path, text, message, hint)


def _say_nothing(modules: Mapping[str, str], governing: Mapping[str, list[str]]) -> Iterator[Problem]:
    """The packages that are asked, and in which no module has a rule that is."""
    for paths in governing.values():
        names = [name for path in paths for name in _RULE.findall(modules[path])]
        if set(RULES).isdisjoint(names):
            near = [one for one in RULES if closest(one, names)]
            meant = f"{closest(near[0], names)!r} is none; did you mean {near[0]!r}?" if near else ""
            package = _package(modules[paths[0]])
            message = f"{package} has none of the rules that are asked: {', '.join(RULES)}"
            hint = meant or "what is only called by others is in a package of another name"
            yield _at_package(paths[0], modules[paths[0]], message, hint)


def _asked_by_nobody(modules: Mapping[str, str], governing: Mapping[str, list[str]]) -> Iterator[Problem]:
    """Rules that were probably meant to decide, beside those that do: of another package, or by another name."""
    asked = {path for paths in governing.values() for path in paths}
    for path, text in modules.items():
        sets = list(_SET.finditer(text))
        if path not in asked:
            package = _package(text)
            called = re.compile(rf"\bdata\.{re.escape(package)}\b")
            deciding = next((one[1] for one in sets if one[1] in RULES), None)
            others = (other for name, other in modules.items() if name != path)
            if deciding is not None and not any(called.search(other) for other in others):
                message = f"the rule {deciding} is in package {package or 'none'}, which nobody asks"
                known = [f"froyo.{stage}" for stage in STAGES]
                meant = closest(package, known)
                hint = f"did you mean {meant}?" if meant else f"rules that decide are in {' or '.join(known)}"
                yield _at_package(path, text, message, hint)
            continue
        for one in sets:
            name, meant = one[1], closest(one[1], RULES)
            used = re.compile(rf"\b{name}\b(?![ \t]+contains\b)")
            if meant and name not in RULES and not any(used.search(other) for other in modules.values()):
                message = f"{name} is none of the rules that are asked, and nobody calls it"
                yield _at(path, text, one.start(1), message, f"did you mean {meant!r}?")


def _at_package(path: str, text: str, message: str, hint: str) -> Problem:
    found = _PACKAGE.search(text)
    if found is None:
        return Problem(path, 1, 1, message, hint)
    return _at(path, text, found.start(1), message, hint)


def _at(path: str, text: str, index: int, message: str, hint: str) -> Problem:
    begin = text.rfind("\n", 0, index) + 1
    excerpt = text[begin:].split("\n", 1)[0]
    return Problem(path, text.count("\n", 0, index) + 1, index - begin + 1, message, hint, excerpt)


def _put_data(data: dict[str, Any], path: str, text: str) -> list[Problem]:
    """Put a data document where it belongs: at the root, or below the names of its directories in `policies`."""
    from reconciler.documents.reading import read_documents

    documents = read_documents(path, text.encode())
    if documents.problems:
        return documents.problems
    if len(documents.documents) != 1 or not isinstance(documents.documents[0].value, dict):
        return [Problem(path, 1, 1, "data is one mapping")]
    value = documents.documents[0].value
    if clash := merge(data, value):
        return [Problem(path, 1, 1, f"data.{'.'.join(clash)} is in another file, too", "keep one of them")]
    return []


def merge(into: dict[str, Any], more: Mapping[str, Any]) -> tuple[str, ...]:
    """Put `more` into a document of data; the path at which both say something, or ()."""
    for key, value in more.items():
        if key not in into:
            into[key] = value
        elif isinstance(into[key], dict) and isinstance(value, dict):
            if clash := merge(into[key], value):
                return (key, *clash)
        else:
            return (key,)
    return ()
