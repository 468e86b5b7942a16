"""What took the place of what is ours is put right, be it of another type. It failed until somebody wrote `force`."""

LINK = """\
apiVersion: linux.froyo.dev/v1alpha1
kind: Symlink
metadata: {name: current}
spec: {target: here, path: "@/etc/current", to: releases/1}
"""
FILE = """\
apiVersion: linux.froyo.dev/v1alpha1
kind: File
metadata: {name: current}
spec: {target: here, path: "@/etc/current", content: "no link any more\\n"}
"""


def test_a_link_of_ours_that_became_a_file_is_a_link_again(person):
    person.write("link.yaml", LINK)
    person.froyo("apply", person.site)
    current = person.machine / "etc" / "current"
    current.unlink()
    current.write_text("mine\n")
    assert "repaired" in person.froyo("apply", person.site).stdout
    assert str(current.readlink()) == "releases/1"


def test_a_path_that_is_declared_as_another_kind_becomes_that(person):
    person.write("link.yaml", LINK)
    person.froyo("apply", person.site)
    person.write("link.yaml", FILE)
    person.froyo("apply", person.site)
    current = person.machine / "etc" / "current"
    assert not current.is_symlink()
    assert current.read_text() == "no link any more\n"
    person.write("link.yaml", LINK)
    person.froyo("apply", person.site)
    assert str(current.readlink()) == "releases/1"


def test_what_was_there_before_us_is_left_alone(person):
    (person.machine / "etc").mkdir()
    (person.machine / "etc" / "current").write_text("mine\n")
    person.write("link.yaml", LINK)
    assert "`force: true` replaces it" in person.froyo("apply", person.site, status=1).stdout
