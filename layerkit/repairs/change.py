"""What a repair changes, said before it is done."""

from __future__ import annotations

from dataclasses import dataclass

from ..remedies import REPAIRS


@dataclass(frozen=True, slots=True)
class Change:
    """One repair at one place: its id in REPAIRS, what is there, and what will be. `image` is empty for the file."""

    id: str
    before: str
    after: str
    image: str = ""

    @property
    def title(self) -> str:
        return REPAIRS[self.id].title

    @property
    def safe(self) -> bool:
        return REPAIRS[self.id].safe


@dataclass(frozen=True, slots=True)
class MemberChange:
    """One member of the archive before and after; None where it was not or will not be there. `size` is bytes."""

    before: str | None
    after: str | None
    size: int
    note: str = ""
