"""With what a repository is reached that is secret: files that git and ssh are given the names of.

Invariant: what others could read is no secret, and goes nowhere.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from reconciler.model.secrets import Secret, SecretError
from watchers.git.program import GitFailed
from watchers.secret_files import SecretFiles

if TYPE_CHECKING:
    from reconciler.model.repository import GitPlace


def with_secrets(place: GitPlace, secrets: str) -> GitPlace:
    """A place with files in the place of what is named among the secrets.

    Args:
        place: as it is declared.
        secrets: the directory of those that are named by no absolute path.
    """
    access = place.access
    found = {
        field: os.path.join(secrets, name)
        for field, name in (
            ("identity_file", access.identity_secret),
            ("known_hosts", access.known_hosts_secret),
        )
        if name
    }
    return replace(place, access=replace(access, **found)) if found else place


def must_be_secret(place: GitPlace, secrets: str) -> None:
    """See that nobody else can read what a repository is reached with.

    Raises:
        GitFailed: others can, or it is not there.
    """
    access = place.access
    for file in filter(None, (access.password_file, access.identity_secret, access.known_hosts_secret)):
        try:
            SecretFiles(secrets).read(Secret(file))
        except SecretError as error:
            raise GitFailed(str(error)) from None
