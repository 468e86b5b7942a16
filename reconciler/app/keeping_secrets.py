"""Where secrets are to be had by whoever runs froyo: in files, and in sources for what opens ciphertexts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

from reconciler.model.secrets import IDENTITIES, Encrypted, KeyRef, Secret, SecretMissing, Whereabouts
from watchers.secret_files import SecretFiles

if TYPE_CHECKING:
    from typing import NoReturn

    from reconciler.age.opening import Opening
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
        self._places = places
        self._hide = hide
        self._opening: Opening | None = None

    def read(self, secret: Whereabouts) -> str:
        """What a secret is.

        Raises:
            SecretError: it cannot be had, or is none.
        """
        if isinstance(secret, Encrypted):
            return self._opens().read(secret)
        return self._files.read(secret) if isinstance(secret, Secret) else self._referred(secret)

    def _opens(self) -> Opening:
        """What opens ciphertexts, made for the first one: most have none, and wait for nothing of it."""
        if self._opening is None:
            from reconciler.age.opening import Opening
            from reconciler.app.identities import ControllerIdentities

            self._opening = Opening(
                ControllerIdentities(self._places, self._files, self._hide, self._referred).of
            )
        return self._opening

    async def changes(self) -> AsyncIterator[set[str]]:
        """Tell of the files that have become others since they were read; of `IDENTITIES`, if such are among them."""
        identities = frozenset(map(str, self._places.identities))
        async for files in self._files.changes():
            yield files | ({IDENTITIES} if files & identities else set())
