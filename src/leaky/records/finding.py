"""A finding: something about a model that should be looked at, said in one line, with the remedy."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Finding:
    """One thing found at one place of a model.

    `code` names the rule (LKY101, ...), `site` the module or parameter by its dotted name (empty: the whole
    model), `message` says what is wrong there, with the values, and `remedy` what to change, as a call.
    """

    code: str
    site: str
    message: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.site or 'model'}: {self.code} {self.message}; {self.remedy}"

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)
