"""What `froyo init` tells."""

import json

from reconciler.cli.app import run


def test_what_init_wrote_is_told_to_a_program_too(tmp_path, capsys):
    directory = tmp_path / "new"
    assert run(["init", str(directory), "-o", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["kind"], document["directory"]) == ("Initialized", str(directory))
    written = [str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()]
    assert sorted(document["files"]) == sorted(written)
    first = (directory / "hello.yaml").read_text().splitlines()[0]
    assert first == "# yaml-language-server: $schema=.froyo/schemas/all.json"
    assert ".froyo/schemas/all.json" in written
    assert run(["validate", str(directory)]) == 0
