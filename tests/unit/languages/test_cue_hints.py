"""What a person is told to do about what CUE says."""

import pytest

from reconciler.errors import Problem
from reconciler.languages.cue.hints import hinted

LIBRARY = {
    "linux.froyo.dev/v1alpha1": "package v1alpha1\n\n// A file.\n#File: {\n}\n#Package: {}\n",
    "froyo.dev/v1alpha1": "package v1alpha1\n#Vars: {}\n",
}
TEXT = 'package site\nlet web = {role: "web"}\nfiles: motd: spec: targets: wbe\n'


@pytest.mark.parametrize(
    ("message", "hint"),
    [
        ("files.motd: undefined field: #Flie", "did you mean '#File'?"),
        ("motd: undefined field: File", "did you mean '#File'?"),
        ("a: undefined field: pages", ""),
        (
            'site: reference "linux" not found',
            'add below the package: import linux "linux.froyo.dev/v1alpha1"',
        ),
        ('site: reference "froyo" not found', 'add below the package: import froyo "froyo.dev/v1alpha1"'),
        ('site.spec.targets: reference "wbe" not found', "did you mean 'web'?"),
        ('nginx.spec.startup: reference "enabled" not found', 'a text is in quotes: "enabled"'),
        (
            'unresolved disjunction "dev" | "prod" (type string)',
            (
                "what is declared here depends on it: give it a value, with a default (*…) or by --set;"
                " what is a template only is a definition (#name)"
            ),
        ),
        (
            'import failed: cannot find package "linux.froyo.dev/v1": no',
            "what kinds there are is in froyo.dev/v1alpha1, linux.froyo.dev/v1alpha1",
        ),
        ('import failed: cannot find package "example.com/x": no', ""),
        ("conflicting values 1 and 2", ""),
    ],
)
def test_what_can_be_done_is_said(message, hint):
    assert hinted(Problem("site.cue", 3, 1, message), LIBRARY, TEXT).hint == hint
