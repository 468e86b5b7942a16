"""Running as root through sudo, which must not ask."""

from __future__ import annotations

from reconciler.targets.pipe import Tail

_NEEDS_PASSWORD = ("a password is required", "a terminal is required", "no askpass program")
_NEEDS_TERMINAL = ("must have a tty",)
_FORBIDS = ("not in the sudoers file", "is not allowed to", "may not run sudo")


def explain(tail: Tail, *, user: str) -> str:
    """What sudo's complaint means and what to do about it; "" if it was not sudo that complained.

    Args:
        tail: the end of stderr.
        user: who tried, as the message shall call him.
    """
    said = str(tail)
    if any(words in said for words in _NEEDS_PASSWORD):
        return (
            f"sudo asks {user} for a password, which nobody is there to type: let it ask for none"
            " (`NOPASSWD:` in sudoers), or log in as root without `become`"
        )
    if any(words in said for words in _NEEDS_TERMINAL):
        return (
            f"sudo wants a terminal, which a session does not have: take `requiretty` out of sudoers (or say"
            f" `Defaults:{user} !requiretty`), or log in as root without `become`"
        )
    if any(words in said for words in _FORBIDS):
        return f"sudo does not let {user} become root: add him to sudoers, or log in as root without `become`"
    return ""
