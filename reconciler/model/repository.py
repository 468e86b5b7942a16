"""A revision in git as a place where desired state comes from: where it is, which it is, who may have made it.

Invariant: nothing of it is secret. A credential is a file, and what is here is its name.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from reconciler.model.names import SourceName

TIMEOUT = 60.0
"""Seconds that a look at a repository may take, with all that is fetched for it."""


class RefKind(StrEnum):
    """What a name of a revision is the name of."""

    HEAD = "head"
    BRANCH = "branch"
    TAG = "tag"
    SEMVER = "semver"
    COMMIT = "commit"


@dataclass(frozen=True, slots=True)
class Ref:
    """Which revision is meant.

    Attributes:
        kind: what `name` is.
        name: of a branch or tag, a range of versions, or a commit's digits; "" for the branch that the repository
            itself names.
    """

    kind: RefKind = RefKind.HEAD
    name: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.name}" if self.name else "the default branch"


@dataclass(frozen=True, slots=True)
class Verification:
    """Whose signature a revision has to have.

    Attributes:
        tag: it is the tag's; else the commit's.
        allowed_signers: a file of who may sign with which SSH key, as ssh-keygen(1) has it, or "".
        openpgp_keys: a file of OpenPGP keys that may sign, or "".
    """

    tag: bool = False
    allowed_signers: str = ""
    openpgp_keys: str = ""


@dataclass(frozen=True, slots=True)
class GitAccess:
    """With what a repository is reached.

    Attributes:
        identity_file: a private key for SSH, or "" for those of whoever runs froyo.
        known_hosts: a file of host keys, or "" for theirs.
        username: for HTTPS.
        password_file: a file with the password or token for HTTPS, or "".
        ca_file: certificates by which the server is known, or "" for those of the system.
        identity_secret: a private key among the controller's secrets instead, or "".
        known_hosts_secret: the same of host keys.
    """

    identity_file: str = ""
    known_hosts: str = ""
    username: str = ""
    password_file: str = ""
    ca_file: str = ""
    identity_secret: str = ""
    known_hosts_secret: str = ""


@dataclass(frozen=True, slots=True)
class GitPlace:
    """See the module.

    Attributes:
        url: of the repository; never with a password.
        ref: which revision.
        path: the directory in it that counts, or "" for all of it.
        timeout: seconds that a look may take.
        access: with what it is reached.
        verification: whose signature it has to have, or None.
    """

    url: str
    ref: Ref = Ref()
    path: str = ""
    timeout: float = TIMEOUT
    access: GitAccess = GitAccess()
    verification: Verification | None = None

    @property
    def identity(self) -> str:
        """What is served: another revision of it is no other source."""
        below = f"//{self.path}" if self.path else ""
        scheme, separator, rest = self.url.partition("://")
        if separator:
            return f"git+{scheme}://{rest}{below}"
        return f"git+file://{self.url}{below}" if self.url.startswith("/") else f"git+ssh://{self.url}{below}"

    @property
    def root(self) -> str:
        """Where its paths lie on the controller: nowhere."""
        return ""

    @property
    def name(self) -> SourceName:
        """What the source is called."""
        return SourceName(self.identity)
