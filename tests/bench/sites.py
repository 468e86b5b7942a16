"""Manifests to measure with, and the files that they declare."""

from __future__ import annotations

from pathlib import Path

API = "linux.froyo.dev/v1alpha1"
LINE = "This is line {line} of file {file}, as it is declared.\n"


def content(file: int) -> str:
    """What file number `file` is to contain: about 1 KiB."""
    return "".join(LINE.format(line=line, file=file) for line in range(20))


def local_target(name: str) -> str:
    """A target that is this machine."""
    return (
        f"apiVersion: froyo.dev/v1alpha1\nkind: Target\nmetadata: {{name: {name}}}\nspec: {{local: {{}}}}\n"
    )


def ssh_target(name: str, address: str, *, identity: str, known_hosts: str) -> str:
    """A target that is a host of the lab."""
    return (
        f"apiVersion: froyo.dev/v1alpha1\nkind: Target\nmetadata: {{name: {name}}}\n"
        f"spec: {{ssh: {{host: {address}, user: root, identityFile: {identity}, knownHosts: {known_hosts}}}}}\n"
    )


def files(target: str, root: str, count: int) -> list[str]:
    """A directory, and `count` files in it."""
    head = f"apiVersion: {API}\nkind: Directory\nmetadata: {{name: {target}-root}}\n"
    documents = [f'{head}spec: {{target: {target}, path: "{root}", mode: "0755"}}\n']
    for number in range(count):
        body = "".join(f"    {line}\n" for line in content(number).splitlines())
        documents.append(
            f"apiVersion: {API}\nkind: File\nmetadata: {{name: {target}-f{number}}}\nspec:\n"
            f'  target: {target}\n  path: "{root}/f{number}"\n  mode: "0644"\n  content: |\n{body}'
        )
    return documents


def tree(target: str, root: str) -> str:
    """A directory that is kept as `bodies/` beside the manifest is."""
    return (
        f"apiVersion: {API}\nkind: Directory\nmetadata: {{name: {target}-tree}}\n"
        f'spec: {{target: {target}, path: "{root}", source: bodies/, purge: true}}\n'
    )


def write(directory: Path, documents: list[str]) -> None:
    """All documents, in one file."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "site.yaml").write_text("---\n".join(documents), encoding="utf-8")
