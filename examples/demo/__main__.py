"""`make demo`: an Apache site on four real hosts where this machine can have them, as root; else some files of it.

`python -m examples.demo files` (or `apache`) shows that one.
"""

from __future__ import annotations

import sys

from examples.demo import apache, files
from examples.demo.stage import say


def main(chosen: str) -> int:
    """Show one of them."""
    if chosen == "files":
        return files.main()
    why = apache.impossible()
    if not why:
        return apache.main()
    if chosen == "apache":
        say(why)
        return 1
    say(f"Not on hosts of their own, but on files of this machine: {why}")
    say()
    return files.main()


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:2] or [""]))
    except KeyboardInterrupt:
        sys.exit(130)
