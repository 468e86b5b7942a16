"""Commands and options that people type who come from other tools, and what there is in their place."""

from __future__ import annotations

_ONCE = "`froyo apply` does it once, and `froyo up` goes on"
_GONE = "what is to go loses its manifest, with deletion: delete in it; then `froyo apply`"
_PLAN = "`froyo plan` shows what would be changed, field by field"
_CHECK = "`froyo validate` says what is wrong with manifests"
_ASKED = "no commands are run by hand on targets; an Exec declares one, and `froyo facts TARGET` asks"
_ENDS = "`froyo up` ends with Ctrl-C or SIGTERM; `froyo suspend all --reason WHY` leaves everything alone"
_HIDDEN = "`froyo secrets` encrypts, edits and rotates what is kept with the manifests"
_TARGET = "--target NAME chooses targets, and -l tier=web resources by their labels"
_YES = "leave it out: nobody is asked, and what needs a person waits for `froyo approve`"
_DECLARED = (
    "an Inventory or a Target among the manifests says which hosts there are, and how they are reached"
)
_VALUES = "values stand in a Vars among the manifests"

COMMANDS = {
    **dict.fromkeys(("run", "playbook", "agent", "converge", "provision", "deploy", "sync"), _ONCE),
    **dict.fromkeys(("destroy", "delete", "rm", "remove"), _GONE),
    **dict.fromkeys(("noop", "dry-run", "preview"), _PLAN),
    **dict.fromkeys(("check", "lint", "test", "syntax-check"), _CHECK),
    **dict.fromkeys(("ssh", "exec", "shell", "console", "ping", "cmd", "adhoc"), _ASKED),
    **dict.fromkeys(("stop", "down", "kill", "halt"), _ENDS),
    **dict.fromkeys(("vault", "secret", "eyaml", "sops", "age"), _HIDDEN),
    **dict.fromkeys(
        ("start", "serve", "daemon", "watch", "dev-up"), "`froyo up` keeps everything as declared"
    ),
    **dict.fromkeys(
        ("ls", "list", "state", "show", "output"), "`froyo get` says what is known, `froyo describe` all"
    ),
    **dict.fromkeys(("hosts", "host", "inventory", "targets", "nodes"), "`froyo get targets` lists them"),
    **dict.fromkeys(("setup", "facter", "gather"), "`froyo facts TARGET` says what a target is"),
    **dict.fromkeys(("log", "logs", "journal", "tail"), "`froyo events -f` says what happens"),
    **dict.fromkeys(("refresh", "taint", "resync", "restart"), "`froyo reconcile` has the daemon look now"),
    **dict.fromkeys(
        ("undo", "revert"), "`froyo rollback REVISION --reason WHY` puts an earlier revision in force"
    ),
    **dict.fromkeys(
        ("pause", "hold", "drain", "disable"), "`froyo suspend OBJECT --reason WHY` leaves it alone"
    ),
    **dict.fromkeys(("doc", "docs", "man"), "`froyo explain KIND` says what can be declared"),
}
"""What to do for a command that there is not, by its name."""
OPTIONS = {
    **dict.fromkeys(("--check", "--diff", "--noop", "--dry-run", "-C", "-D", "-n"), _PLAN),
    **dict.fromkeys(("--limit", "--tags", "--skip-tags", "--host", "--hosts", "-t"), _TARGET),
    **dict.fromkeys(("-y", "--yes", "--auto-approve", "--force", "--assume-yes"), _YES),
    **dict.fromkeys(
        ("-i", "--inventory", "-u", "--user", "-b", "--become", "-K", "--ask-become-pass"), _DECLARED
    ),
    **dict.fromkeys(("-e", "--extra-vars", "--var", "--var-file"), _VALUES),
    **dict.fromkeys(("--json", "--yaml"), "write -o json or -o yaml"),
}
"""The same of options, of whatever command."""
