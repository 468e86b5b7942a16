"""The provider packages of a modelled world: the built-in ones, and one whose kind has transactions."""

from pathlib import Path

from reconciler.plugins.packages import load_packages

PROVIDERS = Path(__file__).parents[2] / "providers"
PACKAGES = load_packages(
    [
        *(PROVIDERS / "linux.file", PROVIDERS / "linux.exec", PROVIDERS / "probe.http"),
        *(PROVIDERS / "linux.pkg", PROVIDERS / "linux.service", PROVIDERS / "linux.account"),
        *(PROVIDERS / "linux.text", PROVIDERS / "linux.boot", PROVIDERS / "linux.archive"),
        Path(__file__).parent / "bundles",
    ]
)
KINDS = {kind.kind: kind for package in PACKAGES for kind in package.kinds}
