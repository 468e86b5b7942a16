"""A checkout that is as small as one can be and has everything that the build looks for."""

from pathlib import Path

import pytest

from hatch_build import Checkout

ROOT = Path(__file__).resolve().parents[3]
SOURCES = {
    "micro_runner/go.mod": "module runner\n\ngo 1.24\n",
    "micro_runner/main.go": (
        "package main\n\nvar version, publicKey string\n\nfunc main() { println(version, publicKey) }\n"
    ),
    "reconciler/config/compiler/go.mod": "module compiler\n\ngo 1.24\n",
    "reconciler/config/compiler/main.go": "package main\n\nfunc main() {}\n",
    "reconciler/config/compiler/main_test.go": "package main\n",
    "providers/runtime/build.py": (
        "def build(out, sdk_dir, plugins):\n"
        "    out.write_text(' '.join(sorted(path.name for path in sdk_dir.iterdir())))\n"
    ),
    "providers/runtime/app.py": "",
    "providers/sdk/froyo_provider/__init__.py": "",
    "providers/linux.file/manifest.yaml": "name: linux.file\n",
    "providers/linux.file/schemas/file.json": "{}\n",
    "providers/linux.file/__pycache__/plugin.pyc": "not a source",
}


@pytest.fixture
def make_checkout(tmp_path, monkeypatch):
    """Checkouts by name, each with its own key; they share the compiler's cache with this one."""
    monkeypatch.delenv("FROYO_SIGNING_KEY", raising=False)

    def make(name: str = "checkout") -> Checkout:
        root = tmp_path / name
        for path, text in SOURCES.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
        (root / "build").mkdir()
        (ROOT / "build" / "go-cache").mkdir(parents=True, exist_ok=True)
        (root / "build" / "go-cache").symlink_to(ROOT / "build" / "go-cache")
        return Checkout(root=root, version="1.2.3")

    return make
