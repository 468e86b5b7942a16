#!/bin/sh
# The command froyo. A Ctrl-C that comes before Python is ready would be a traceback of the interpreter's: it waits until
# `main` lets it through. Python is the one beside this script, or where there is none (an installation for a user, or for
# the system) the one that is called python3.
self=$0
[ -L "$self" ] && self=$(readlink -f -- "$self")
python=${self%/*}/python3
[ -x "$python" ] || python=python3
if env --block-signal=INT true 2>/dev/null; then
    exec env --block-signal=INT "$python" -P -c 'from reconciler.cli import main; main() # froyo' "$@"
fi
exec "$python" -P -c 'from reconciler.cli import main; main() # froyo' "$@"
