"""Which source a command line names: a directory, or a revision of a git repository; the same words in each command."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from reconciler.app.places import source_root
from reconciler.core.suggest import did_you_mean
from reconciler.errors import UsageError
from reconciler.model.source import DirectoryPlace, Source

_FIELDS = {
    **dict.fromkeys(("identityFile", "knownHosts", "username", "passwordFile", "caFile", "timeout"), ()),
    **dict.fromkeys(("identityFrom", "knownHostsFrom", "passwordFrom"), ()),
    "allowedSigners": ("verify",),
    "openPGPKeys": ("verify",),
    "of": ("verify",),
}
"""What `--git-with` takes, and in which object of `git` in a Source it stands."""

_SECRETS = ("identityFrom", "knownHostsFrom", "passwordFrom")
"""What is named among the controller's secrets: without a slash a file there, else an absolute path."""

_URL = re.compile(r"[a-z][a-z0-9+.-]*://|[\w.-]+@[\w.-]+:")

_VERIFIED = ("commit", "tag")


def directory_source(root: Path, *, settings: Sequence[str] = ()) -> Source:
    """A directory as a source.

    Args:
        root: the directory.
        settings: what its programs are told, as KEY=VALUE.

    Raises:
        UsageError: a setting is none.
    """
    place = DirectoryPlace(str(root))
    return Source(place.name, place, settings=set_by(settings))


def set_by(given: Sequence[str]) -> dict[str, str]:
    """What `--set` says, by name.

    Raises:
        UsageError: one of them says nothing, or something is said twice.
    """
    found: dict[str, str] = {}
    for one in given:
        key, separator, value = one.partition("=")
        if not separator or not key:
            raise UsageError(f"--set takes KEY=VALUE, not {one!r}")
        if key in found:
            raise UsageError(f"--set {key} is given twice")
        found[key] = value
    return found


def must_be_no_url(directory: str) -> None:
    """See that what is given as a directory is not a repository.

    Raises:
        UsageError: it is one.
    """
    if _URL.match(directory) and not os.path.lexists(directory):
        url = directory.removeprefix("git+")
        raise UsageError(
            f"{directory} is a repository, and no directory; name it with: --git {shlex.quote(url)}"
        )


def sourced(
    directory: str,
    *,
    git: str | None = None,
    ref: str | None = None,
    path: str | None = None,
    git_with: Sequence[str] = (),
    settings: Sequence[str] = (),
) -> Source:
    """The source that a command line names.

    Args:
        directory: as it was given; "." where none was.
        git: the URL of a repository, or None.
        ref: which revision of it.
        path: which directory in it.
        git_with: how the repository is reached, as KEY=VALUE.
        settings: what its programs are told, as KEY=VALUE.

    Raises:
        UsageError: it names none.
    """
    if git is None:
        if given := next(
            (
                option
                for option, value in (("--ref", ref), ("--path", path), ("--git-with", git_with))
                if value
            ),
            "",
        ):
            raise UsageError(f"{given} is about a repository; name it with --git URL")
        must_be_no_url(directory)
        if "/" not in directory and not os.path.lexists(directory):
            raise UsageError(
                f"there is no directory {directory!r} here; what is named first is where the manifests are, and "
                f"a target is named with --target {directory}"
            )
        return directory_source(source_root(directory, os.environ), settings=settings)
    if directory != ".":
        raise UsageError(
            f"{directory} and --git both name a source; name one of them, and a directory in git with --path"
        )
    return git_source(git, ref=ref, path=path, git_with=git_with, settings=settings)


def git_source(
    url: str, *, ref: str | None, path: str | None, git_with: Sequence[str], settings: Sequence[str] = ()
) -> Source:
    """A repository as a source, as a command line names it.

    Raises:
        UsageError: it is none.
    """
    from reconciler.config.durations import HINT, refusal, seconds
    from reconciler.config.repositories import ref_of, repository
    from reconciler.config.targets import ControllerPaths

    spec, interval = _settings(git_with)
    spec |= {"url": url, **({"ref": ref_of(ref)} if ref else {}), **({"path": path} if path else {})}
    wrong: list[str] = []

    def complain(field: tuple[str | int, ...], message: str, hint: str) -> None:
        wrong.append(f"{field[-1]}: {message}" + (f"; {hint}" if hint else ""))

    here = ControllerPaths(os.getcwd(), os.path.expanduser("~"))
    place = repository(spec, lambda written, _: here.path(written, "") or "", complain)
    if wrong:
        raise UsageError(f"--git: {wrong[0]}")
    if interval is not None and not seconds(interval):
        raise UsageError(f"--git-with interval: {refusal(interval)}; {HINT}")
    every = seconds(interval) if interval is not None else None
    return Source(place.name, place, every, settings=set_by(settings))


def _settings(given: Sequence[str]) -> tuple[dict[str, Any], str | None]:
    spec: dict[str, Any] = {}
    interval = None
    for one in given:
        key, separator, value = one.partition("=")
        if not separator or not value or key not in {*_FIELDS, "interval"}:
            known = ", ".join((*_FIELDS, "interval"))
            hint = did_you_mean(key, (*_FIELDS, "interval"))
            raise UsageError(
                f"--git-with takes KEY=VALUE with one of {known}, not {key!r}" + (f"; {hint}" if hint else "")
            )
        if key == "interval":
            interval = value
            continue
        if key == "of" and value not in _VERIFIED:
            raise UsageError(f"--git-with of takes {' or '.join(_VERIFIED)}, not {value!r}")
        at = spec
        for name in _FIELDS[key]:
            at = at.setdefault(name, {})
        at[key] = {"secret": {"file": value}} if key in _SECRETS else value
    if set(spec.get("verify", ())) == {"of"}:
        raise UsageError("--git-with of says what is signed; name the keys: allowedSigners or openPGPKeys")
    return spec, interval


def shown(source: Source) -> str:
    """A source as a person named it."""
    return source.place.root or source.place.name


def roots(sources: Sequence[Source]) -> list[Path]:
    """The directories among them."""
    return [Path(one.place.root) for one in sources if one.place.root]
