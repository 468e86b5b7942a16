"""Files in the format of SOPS whose data key is encrypted with age: read, never written, which `sops` does.

`formats.py` makes a tree of YAML, JSON, dotenv or whatever else SOPS has put into JSON, in which nothing is decrypted;
`decrypting.py` decrypts all of it, and sees that it is what was encrypted.
"""

from __future__ import annotations

from reconciler.age.sops.decrypting import values
from reconciler.age.sops.formats import SopsFile, parsed

__all__ = ["SopsFile", "parsed", "values"]
