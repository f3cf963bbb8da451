"""What a model of a runtime is made of: the loader, the machine it runs on, and how a try becomes a verdict."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from ..compression import Compression
from ..frames import Frames
from ..inventory import Inventory
from ..verdict import Need, Verdict

Identity = Literal["chain_id", "diff_id", "digest"]
Form = Literal["docker-archive", "oci-archive", "universal", "legacy", "oci-layout"]

UNREAD = "layer contents were not read (--deep); taken as what the config promises"
ROOT, TEMP = "<ROOT>", "NNN"
"""How messages write the data directory of a daemon and a temporary number."""


@dataclass(frozen=True)
class Loader:
    """One program in one version, what it takes, and its model.

    `versions` says for which releases the model holds. `identity` is the column by which it decides that it already
    has a layer; `partial` are the forms in which it then takes an archive that leaves such layers out. `layers` and
    `outer` are the compressions it undoes inside the archive and around it; `notes` is prose for people.
    """

    name: str
    version: str
    versions: str
    command: str
    identity: Identity
    formats: tuple[Form, ...]
    layers: tuple[Compression, ...]
    outer: tuple[Compression, ...]
    check: Callable[[Frames], Verdict] = field(repr=False)
    partial: tuple[Form, ...] = ()
    notes: str = ""

    @property
    def full_name(self) -> str:
        return f"{self.name}@{self.version}"


class Refusal(Exception):
    """A check that failed: what the program prints (without what it printed before) and its exit code."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.message, self.exit_code = message, exit_code


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one try ended. `usable` means that every layer of every image is in place."""

    exit_code: int
    message: str
    usable: bool


class Target:
    """The machine of one try: what it holds. With `assume` it is supposed to hold each layer whose bytes are absent.

    After the try `needs` are the layers that were supposed, `trusted` tells whether content was taken on trust.
    """

    def __init__(self, held: Inventory | None, *, assume: bool = False) -> None:
        self._held, self._assume = held, assume
        self._names: Mapping[Identity, frozenset[str]] = (
            {"chain_id": held.chain_ids, "diff_id": held.diff_ids, "digest": held.blobs} if held else {}
        )
        self.needs: list[Need] = []
        self.trusted = False

    @property
    def platform(self) -> str:
        """`os/architecture` of the machine; what most machines are, where nothing is known."""
        return (self._held.platform if self._held else "") or "linux/amd64"

    def has(self, identity: Identity, value: str | None) -> bool:
        return value is not None and value in self._names.get(identity, ())

    def supposes(self, need: Need) -> bool:
        """Take a layer whose bytes are absent for held, if this try supposes so, and note it down."""
        if self._assume and need not in self.needs:
            self.needs.append(need)
        return self._assume


def held_by(held: Inventory | None, runtime: str, *, other_store: bool = False) -> Inventory | None:
    """The inventory if it is of that runtime: what another one holds, or another store, counts for nothing."""
    if held is None or (held.runtime in ("", runtime) and not other_store):
        return held
    return Inventory(held.host, platform=held.platform)


def judge(name: str, version: str, held: Inventory | None, attempt: Callable[[Target], Outcome]) -> Verdict:
    """Try, and where that fails and nothing is known of the machine, try again as if it held what is absent."""
    first = Target(held)
    outcome = attempt(first)
    loads: bool | Literal["if-held"] = outcome.usable
    needs: tuple[Need, ...] = ()
    if not outcome.usable and held is None:
        second = Target(None, assume=True)
        if attempt(second).usable and second.needs:
            loads, needs = "if-held", tuple(second.needs)
            first.trusted = first.trusted or second.trusted
    return Verdict(
        loader=name,
        version=version,
        loads=loads,
        exit_code=outcome.exit_code,
        message=outcome.message,
        silent=outcome.exit_code == 0 and not outcome.usable,
        needs=needs,
        assumes=UNREAD if first.trusted else "",
    )
