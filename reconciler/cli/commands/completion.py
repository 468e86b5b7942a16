"""`froyo completion`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from reconciler.cli.options import NoColor, Output, Quiet, State, Verbose, one_of
from reconciler.cli.output import Format, emit
from reconciler.cli.terminal import terminal
from reconciler.model.envelope import envelope

EXAMPLES = (
    ("source <(froyo completion bash)", "in this shell; put it into ~/.bashrc to keep it"),
    ("froyo completion zsh > ~/.zfunc/_froyo", "where zsh looks for functions"),
    ("froyo completion fish > ~/.config/fish/completions/froyo.fish", "for fish"),
    ("froyo completion bash -o json", "in a document, for a program that installs it"),
)


class Shell(StrEnum):
    """Shells that there are scripts for."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


_SCRIPTS = {
    Shell.BASH: r"""
_froyo() {
    local IFS=$'\n' cur=${COMP_WORDS[COMP_CWORD]}
    local words=("${COMP_WORDS[@]:1:COMP_CWORD}")
    COMPREPLY=($(froyo __complete "${words[@]}" 2>/dev/null | cut -f1))
    # Nothing of ours fits: let the shell offer files and directories.
    [ ${#COMPREPLY[@]} -gt 0 ] || compopt -o default 2>/dev/null
}
complete -F _froyo froyo
""",
    Shell.ZSH: r"""#compdef froyo
_froyo() {
    local -a found lines
    local line
    lines=("${(@f)$(froyo __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    for line in $lines; do
        [[ -n $line ]] && found+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
    done
    if (( $#found )); then _describe 'froyo' found; else _files; fi
}
if [ "$funcstack[1]" = "_froyo" ]; then _froyo "$@"; else compdef _froyo froyo; fi
""",
    Shell.FISH: r"""
function __froyo_complete
    set -l words (commandline -opc) (commandline -ct)
    froyo __complete $words[2..-1] 2>/dev/null
end
complete -c froyo -a '(__froyo_complete)'
""",
}


def command(
    shell: Annotated[
        Shell,
        typer.Argument(metavar="SHELL", help="bash, zsh or fish.", parser=one_of("SHELL", Shell, verb="is")),
    ],
    *,
    output: Output = Format.TEXT,
    state: State = None,  # noqa: ARG001 - holds everywhere
    no_color: NoColor = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Print a script that completes commands, options, targets and addresses in your shell."""
    screen = terminal(no_color=no_color, quiet=quiet, verbose=verbose)
    script = _SCRIPTS[shell].strip("\n")
    if output.is_document:
        made = {"shell": shell.value, "script": script}
        emit(screen, envelope("Completion", **made), output)
    else:
        screen.line(script)
    return 0
