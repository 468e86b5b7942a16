"""The table of contents: every command with its one line, in groups. Imports nothing: `froyo --help` is made of it."""

from __future__ import annotations

from keyword import iskeyword

GROUPS: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    (
        "Declare",
        (
            ("init", "Write a small directory of manifests to begin with"),
            ("validate", "Check manifests, and say everything that is wrong with them"),
            ("import", "Write manifests of what is on a target already"),
            ("secrets", "Encrypt secrets with age, to be kept with the manifests; open, edit, rotate"),
            ("graph", "What comes before what, and why, as a drawing"),
            ("policy", "Try, check and write policies, which say what may be done"),
            ("explain", "What can be declared: kinds, their fields, and what these mean"),
            ("crd", "The same as custom resource definitions, for a cluster"),
            ("schema", "Write JSON Schemas of the kinds into a source, for editors of YAML"),
            ("fmt", "Lay out manifests, programs and policies as they are usually written"),
            ("cue", "Write what CUE imports of the kinds into a source, for editors"),
            ("migrate", "Turn a directory into objects of a cluster, and back"),
        ),
    ),
    (
        "Bring about",
        (
            ("plan", "Show what would be changed, and why"),
            ("apply", "Put right what is not as declared, once"),
            ("up", "Keep everything as declared, until told to end (also: dev up)"),
            ("operator", "The same as the objects of a Kubernetes namespace say"),
        ),
    ),
    (
        "Look",
        (
            ("status", "How everything is, in short"),
            ("top", "Targets, work and drift, live"),
            ("get", "What is known, a line each"),
            ("describe", "Everything about one thing"),
            ("facts", "What a target is: its system, disks, network, users …"),
            ("diff", "What differs right now"),
            ("events", "What happened, why, and who did it"),
            ("history", "What was done, run by run"),
        ),
    ),
    (
        "Steer",
        (
            ("reconcile", "Look at something now, and put it right"),
            ("wait", "Wait until something is as declared"),
            ("suspend", "Leave something alone for a while"),
            ("resume", "End a suspension"),
            ("approve", "Have done what waits for you: removals, and what is held"),
            ("forget", "Leave something that is declared no longer as it is, for good"),
            ("rollback", "Put an earlier revision in force again, for a while"),
            ("rollout", "How a revision reaches its targets wave by wave: see it, pause, promote, abort"),
            ("alert", "Have an alert send a message by hand, to see that somebody is told"),
            ("restore", "Put back what was there before us, or the whole state from a backup"),
        ),
    ),
    (
        "This installation",
        (
            ("audit", "What people and packages did that needs a trail; verify it"),
            ("backup", "Write the whole state to one file, checked by restoring it"),
            ("store", "Copy the store into another database, and back"),
            ("provider", "List, write, check and try provider packages"),
            ("doctor", "Check what froyo needs, and say what to do about it"),
            ("completion", "Print a script that completes commands in your shell"),
            ("version", "Print the version"),
        ),
    ),
)


def module_of(name: str) -> str:
    """Where a command is: in a module of its name, as far as Python allows that."""
    return f"reconciler.cli.commands.{name.replace('-', '_')}{'_' * iskeyword(name)}"


SUMMARIES = {name: summary for _, commands in GROUPS for name, summary in commands}
