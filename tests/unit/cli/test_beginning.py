"""What `froyo init` tells."""

import json

from reconciler.cli.app import run


def test_what_init_wrote_is_told_to_a_program_too(tmp_path, capsys):
    directory = tmp_path / "new"
    assert run(["init", str(directory), "-o", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["kind"], document["directory"]) == ("Initialized", str(directory))
    assert sorted(document["files"]) == sorted(path.name for path in directory.iterdir())
