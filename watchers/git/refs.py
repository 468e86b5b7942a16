"""Which commit a name stands for in a repository, as the repository itself says."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from reconciler.model.repository import GitPlace, Ref, RefKind
from reconciler.model.versions import version_range
from watchers.git.program import GitFailed, GitProgram

_DIGITS = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_SOME = re.compile(r"[0-9a-f]{7,39}")
_NO_TAG = re.compile(r"^[-./]|\.\.|[\x00-\x20\x7f~^:?*\[\\]|@\{|//|/$|\.lock(?:/|$)|\.$|/\.|^$")
_NAMED = 5
_HEADS = "refs/heads/"
_TAGS = "refs/tags/"


@dataclass(frozen=True, slots=True)
class Advertised:
    """What a repository says it has.

    Attributes:
        refs: what each stands for: a commit, or a tag's own object.
        peeled: of tags that are objects of their own, the commit.
        head: the branch that the repository itself names, or "".
    """

    refs: dict[str, str] = field(default_factory=dict)
    peeled: dict[str, str] = field(default_factory=dict)
    head: str = ""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The commit that is meant.

    Attributes:
        commit: its digits.
        ref: in full, such as `refs/heads/main`; "" for a commit.
        called: how a person calls the ref: `main`, `v1.2.0`; "" for a commit.
        object: what the ref stands for: the commit, or a tag that is an object of its own; "" before it is fetched.
    """

    commit: str
    ref: str = ""
    called: str = ""
    object: str = ""

    @property
    def revision(self) -> str:
        """What the revision is called: `main@sha1:…`."""
        return revision_of(self.called, self.commit)


def revision_of(called: str, commit: str) -> str:
    """A revision by its ref and its commit."""
    kind = "sha1" if len(commit) == 40 else "sha256"
    return f"{called}@{kind}:{commit}" if called else f"{kind}:{commit}"


def parts(revision: str) -> tuple[str, str]:
    """The ref and the commit of a revision that was called so."""
    called, _, commit = revision.rpartition("@")
    return called, commit.partition(":")[2]


async def wanted(git: GitProgram, place: GitPlace) -> Chosen:
    """What is meant, as the repository says now.

    Raises:
        GitFailed: it cannot be asked, or has no such thing.
    """
    ref = place.ref
    if ref.kind is RefKind.COMMIT:
        return Chosen(ref.name)
    return _chosen(advertised(await git.run("ls-remote", "--symref", "origin", *_asked(ref))), place)


async def named(git: GitProgram, written: str, *, here: Callable[[str], Awaitable[str]]) -> Chosen:
    """What a person means who names a tag, or a commit by all of its digits, or by some where it is here already.

    Args:
        git: asks the repository.
        written: by the person; what a revision is called will do.
        here: gives the one commit that is here and begins with some digits, or "".

    Raises:
        GitFailed: there is no such thing.
    """
    digits = written.rpartition(":")[2]
    if _DIGITS.fullmatch(digits):
        return Chosen(digits)
    if _SOME.fullmatch(digits) and (commit := await here(digits)):
        return Chosen(commit)
    tag = f"{_TAGS}{written}"
    if not _NO_TAG.search(written):
        found = advertised(await git.run("ls-remote", "origin", tag, f"{tag}^{{}}"))
        if tag in found.refs:
            return Chosen(found.peeled.get(tag, found.refs[tag]), tag, written)
    raise GitFailed(
        "it is neither a tag of the repository, nor the digits of a commit that was fetched; write all 40 of them"
    )


def _asked(ref: Ref) -> list[str]:
    match ref.kind:
        case RefKind.HEAD:
            return ["HEAD", f"{_HEADS}*"]
        case RefKind.SEMVER:
            return [f"{_TAGS}*"]
    return [f"{_HEADS}{ref.name}", f"{_TAGS}{ref.name}", f"{_TAGS}{ref.name}^{{}}"]


def advertised(printed: bytes) -> Advertised:
    """What `git ls-remote --symref` prints. Lines that are none of it are passed over."""
    found = Advertised()
    head = ""
    for line in printed.decode("utf-8", "surrogateescape").split("\n"):
        value, _, name = line.partition("\t")
        if name == "HEAD" and value.startswith("ref: "):
            head = value.removeprefix("ref: ")
        elif _DIGITS.fullmatch(value):
            if name.endswith("^{}"):
                found.peeled[name.removesuffix("^{}")] = value
            else:
                found.refs[name] = value
    return Advertised(found.refs, found.peeled, head)


def _chosen(found: Advertised, place: GitPlace) -> Chosen:
    ref = place.ref
    match ref.kind:
        case RefKind.HEAD:
            name = found.head
            if not name.startswith(_HEADS) or name not in found.refs:
                raise GitFailed(
                    f"{place.url}: it names no branch of its own that is there; {_there_is(found, _HEADS)}"
                )
        case RefKind.SEMVER:
            versions = version_range(ref.name)
            tags = [one.removeprefix(_TAGS) for one in found.refs if one.startswith(_TAGS)]
            tag = versions.newest(tags) if versions is not None else None
            if tag is None:
                raise GitFailed(f"{place.url}: no tag is a version in {ref.name}; {_there_is(found, _TAGS)}")
            name = _TAGS + tag
        case RefKind.TAG:
            name = _TAGS + ref.name
        case _:
            name = _HEADS + ref.name
    if name not in found.refs:
        other = (_HEADS if name.startswith(_TAGS) else _TAGS) + ref.name
        hint = (
            f"there is a {'tag' if other.startswith(_TAGS) else 'branch'} of that name"
            if other in found.refs
            else ""
        )
        raise GitFailed(f"{place.url}: it has no {ref}" + (f"; {hint}" if hint else ""))
    commit = found.peeled.get(name, found.refs[name])
    return Chosen(commit, name, name.removeprefix(_HEADS).removeprefix(_TAGS))


def _there_is(found: Advertised, prefix: str) -> str:
    every = sorted(one.removeprefix(prefix) for one in found.refs if one.startswith(prefix))
    more = " and more" if len(every) > _NAMED else ""
    return f"there is: {', '.join(every[-_NAMED:]) or 'none'}{more}"
