"""What a resource is about on its target: a path, a unit, a package, an account, a port.

    Subject("path", "/etc/motd")      path:/etc/motd
    Subject("unit", "nginx.service")  unit:nginx.service

A kind says of its instances, in terms of their specs, which subjects they provide, use and contain; who comes after
whom, who is in whose way, and what a person calls a thing by follows from that. Invariant: of one thing there is one
spelling, so that two subjects are the same exactly when they are equal. What is special about a scheme is here and
nowhere else: only paths lie within each other. What is outside of targets, and asked by the controller, has the schemes
`url` (`url:https://example.com/health`) and `tcp` (`tcp:db.example.com:5432`). A scheme that is not known here is one
of names that stand side by side.
"""

from __future__ import annotations

import posixpath
import re
from typing import NamedTuple, TypeGuard

PATH = "path"
URL = "url"
TCP = "tcp"

SCHEME = re.compile(r"[a-z][a-z0-9-]*")

_NORMAL = re.compile(r"/|(?:/(?!\.{1,2}(?:/|\Z))[^/\0]+)+")
_HOST = r"(?:[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?\.?|\[[0-9a-f:.]+\])"
_URL = re.compile(rf"https?://{_HOST}(?::[1-9]\d{{0,4}})?/[!-~]*")
_DEFAULT_PORT = re.compile(rf"http://{_HOST}:80/|https://{_HOST}:443/")
_TCP = re.compile(rf"{_HOST}:[1-9]\d{{0,4}}")
_WATCHED = re.compile(r"path:(?:/|(?:/(?!\.{1,2}(?:/|\Z))[^/\0]+)+/?)|(?!path:)[a-z][a-z0-9-]*:[^\0]+")


class Subject(NamedTuple):
    """One thing on a target. Made by `subject` and `parse`, which know its one spelling.

    Attributes:
        scheme: what kind of thing, such as `path`.
        name: which one, such as `/etc/motd`.
    """

    scheme: str
    name: str

    def __str__(self) -> str:
        return f"{self.scheme}:{self.name}"


def subject(scheme: str, name: str) -> Subject:
    """The subject in its one spelling.

    Example:
        >>> str(subject("path", "//srv/./www/"))
        'path:/srv/www'
    """
    if scheme == PATH and name.startswith("/") and _NORMAL.fullmatch(name) is None:
        name = "/" + posixpath.normpath(name).lstrip("/")
    return Subject(scheme, name)


def is_normal(name: object, scheme: str = PATH) -> TypeGuard[str]:
    """Whether it is a name, and its one spelling: of a path, an absolute one without empty, `.` or `..` names.

    Of a URL that is lower case up to its path, which is there, with the port only where it is another one than the
    scheme's, no user and no fragment. Of TCP it is `host:port`, in lower case.

    Other than `subject`, this changes nothing: what a stranger says is taken as it is, or not at all.
    """
    if not isinstance(name, str):
        return False
    match scheme:
        case "path":
            return _NORMAL.fullmatch(name) is not None
        case "url":
            return _URL.fullmatch(name) is not None and "#" not in name and not _DEFAULT_PORT.match(name)
        case "tcp":
            return _TCP.fullmatch(name) is not None
        case _:
            return bool(name) and "\0" not in name


def is_watched(text: object) -> TypeGuard[str]:
    """Whether it is a subject in its one spelling, as it is given to be watched.

    A path may have a slash at its end there, and stands for the directory and what is directly in it then.
    """
    return isinstance(text, str) and _WATCHED.fullmatch(text) is not None


def parse(text: str) -> Subject:
    """A subject as it is written.

    Raises:
        ValueError: it has no scheme, or nothing behind it.
    """
    scheme, colon, name = text.partition(":")
    if not (colon and name and SCHEME.fullmatch(scheme)):
        raise ValueError(f"{text!r} is no subject, such as path:/etc/motd or unit:nginx.service")
    return subject(scheme, name)


def above(below: Subject) -> Subject | None:
    """What a subject lies directly within; None for what stands by itself, as the root and all but paths do."""
    if below.scheme != PATH or below.name == "/":
        return None
    return Subject(PATH, below.name.rpartition("/")[0] or "/")


def within(inner: Subject, outer: Subject) -> bool:
    """Whether `inner` is `outer`, or lies somewhere within it."""
    if inner == outer:
        return True
    return inner.scheme == outer.scheme == PATH and inner.name.startswith(outer.name.rstrip("/") + "/")
