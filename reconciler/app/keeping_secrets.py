"""Where secrets are to be had by whoever runs froyo: in files, and in sources for what opens ciphertexts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

from reconciler.age.opening import Opening
from reconciler.app.identities import ControllerIdentities
from reconciler.model.secrets import IDENTITIES, Encrypted, KeyRef, Secret, SecretMissing, Whereabouts
from watchers.secret_files import SecretFiles

if TYPE_CHECKING:
    from typing import NoReturn

    from reconciler.app.places import Places


def not_in_a_cluster(key: KeyRef) -> NoReturn:
    """There is no cluster.

    Raises:
        SecretMissing: always.
    """
    raise SecretMissing(
        f"there is no cluster here that {key.file} could be read from",
        "it is for `froyo operator`; elsewhere write {secret: {file: PATH}}",
    )


class KeptSecrets:
    """See the module.

    Args:
        places: where they are.
        hide: is told of what opens them, to keep it out of all that is told.
        referred: reads those in a cluster. Raises SecretError.
    """

    def __init__(
        self,
        places: Places,
        hide: Callable[[str], None] = lambda _: None,
        referred: Callable[[KeyRef], str] = not_in_a_cluster,
    ) -> None:
        self._files = SecretFiles(str(places.secrets))
        self._referred = referred
        self._identities = ControllerIdentities(places, self._files, hide, referred)
        self._opening = Opening(self._identities.of)

    def read(self, secret: Whereabouts) -> str:
        """What a secret is.

        Raises:
            SecretError: it cannot be had, or is none.
        """
        if isinstance(secret, Encrypted):
            return self._opening.read(secret)
        return self._files.read(secret) if isinstance(secret, Secret) else self._referred(secret)

    async def changes(self) -> AsyncIterator[set[str]]:
        """Tell of the files that have become others since they were read; of `IDENTITIES`, if such are among them."""
        async for files in self._files.changes():
            yield files | ({IDENTITIES} if files & self._identities.files else set())
