# rec NAME PROGRAM ARGUMENT...: run it, and write down what it printed.
export LANG=C.UTF-8 LC_ALL=C.UTF-8
O=/srv/rec/out; rm -rf $O; mkdir -p $O
rec() { n=$1; shift; "$@" >/tmp/o 2>/tmp/e </dev/null; rc=$?; { printf '$'; printf ' %s' "$@"; echo; cat /tmp/o; [ -z "$(tail -c1 /tmp/o)" ] || echo; if [ -s /tmp/e ]; then echo '[stderr]'; cat /tmp/e; [ -z "$(tail -c1 /tmp/e)" ] || echo; fi; echo "[exit $rc]"; } > $O/$n.txt; }
