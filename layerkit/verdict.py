"""What one runtime will do with an archive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Loads = bool | Literal["if-held"]


@dataclass(frozen=True, slots=True)
class Need:
    """One layer that the target must hold already: `identity` tells under which name it looks it up."""

    position: int
    diff_id: str
    identity: Literal["chain_id", "diff_id", "digest"]
    value: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a runtime returns, what it prints, and whether the image is usable afterwards, every layer in it.

    `silent` is the dangerous kind: exit code 0 and yet not usable. `needs` are the layers that a thin archive asks of
    its target, `loads` then being "if-held". In `message` the file is called ARCHIVE, the data directory of a daemon
    <ROOT>, a registry <REGISTRY>, and temporary numbers are N; reports put in the file's name. `assumes` says what was
    taken for granted because it was not read.
    """

    loader: str
    version: str
    loads: Loads
    exit_code: int
    message: str = ""
    silent: bool = False
    needs: tuple[Need, ...] = ()
    assumes: str = ""

    @property
    def name(self) -> str:
        return f"{self.loader}@{self.version}"
