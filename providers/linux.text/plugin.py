"""linux.text: a line, or a block of lines, in a file that others own too. docs/spec/linux.text.md is normative.

What an edit would do is found out on the target, which has the text (`text.look`); what is declared travels as a body,
so that none of it is in a plan or in the store.
"""

from __future__ import annotations

from blocks import Block
from lines import Line

__all__ = ["Block", "Line"]
