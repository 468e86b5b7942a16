from reconciler.targets.machines import Machines


def test_a_host_is_taken_for_the_usual_kind_until_it_is_known(tmp_path):
    path = str(tmp_path / "cache" / "machines.json")
    machines = Machines(path, usual="amd64")
    assert machines.guess("SHA256:a") == "amd64"
    machines.learn("SHA256:a", "arm64")
    assert machines.guess("SHA256:a") == "arm64"
    assert Machines(path, usual="amd64").guess("SHA256:a") == "arm64"
    assert [entry.name for entry in (tmp_path / "cache").iterdir()] == ["machines.json"]


def test_a_memory_that_is_broken_or_cannot_be_written_does_no_harm(tmp_path):
    path = tmp_path / "machines.json"
    for content in ("hello", "[]", '{"a": ', "\xff"):
        path.write_text(content, encoding="latin-1")
        assert Machines(str(path), usual="amd64").guess("a") == "amd64"
    for nowhere in ("", str(path / "below" / "a" / "file")):
        machines = Machines(nowhere, usual="amd64")
        machines.learn("a", "arm64")
        assert machines.guess("a") == "arm64"
