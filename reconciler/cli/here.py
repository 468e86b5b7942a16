"""Places in sources, as a terminal opens them from where it is."""

from __future__ import annotations

import os


def from_here(place: str) -> str:
    """A place without the working directory, where it is below that: `site/a.yaml:3`."""
    try:
        here = os.getcwd()
    except OSError:
        return place
    # The shell may have come here by a link, and a source is called by that name then.
    came_by = os.environ.get("PWD", "")
    names = (here, came_by) if came_by and os.path.realpath(came_by) == here else (here,)
    for name in names:
        below = name.rstrip("/") + "/"
        if place.startswith(below):
            return place.removeprefix(below)
    return place
