"""What every container runtime can be asked for, and what is read from its answers."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO

from ..digest import chain_ids, is_digest
from ..document import Document, field_of, strings_of, text_of
from ..errors import AccessDenied, FormatError, LayerkitError, NotFound, Refused, Unreachable, UsageError
from ..inventory import Inventory
from ..text import printable
from .shell import LIMIT, Result, Shell

PROOF = "/none"
"""The command of a container that is created and never started."""

_NO_ACCESS = re.compile(r"permission denied|operation not permitted|must be root|access denied", re.IGNORECASE)
_NO_DAEMON = re.compile(
    r"cannot connect to the docker daemon|connection refused|no such file or directory.*\.sock|failed to dial|"
    r"context deadline exceeded|error during connect|is the docker daemon running",
    re.IGNORECASE,
)
_NO_IMAGE = re.compile(
    r"no such image|image not known|reference does not exist|image \S+ not found|not found|unable to find",
    re.IGNORECASE,
)
ABSENT = 127
"""A shell's exit code where a program is not there (POSIX, 2.8.2)."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a runtime says of itself. `root` is where it keeps its images, `driver` what unpacks them."""

    version: str
    store: str
    platform: str
    root: str = ""
    driver: str = ""
    details: Mapping[str, Any] = field(default_factory=dict, repr=False, hash=False)


@dataclass(frozen=True, slots=True)
class Held:
    """One image as its host describes it. `image_id` is the config's digest, on containerd stores the manifest's."""

    image_id: str
    tags: tuple[str, ...]
    diff_ids: tuple[str, ...]

    @property
    def chains(self) -> tuple[str, ...]:
        return tuple(chain_ids(self.diff_ids))


class Runtime(ABC):
    """A container runtime behind its own command line. `argv` is the program and what always follows it."""

    kind = ""

    def __init__(self, shell: Shell, argv: Sequence[str]) -> None:
        self.shell, self.argv = shell, tuple(argv)

    @property
    def program(self) -> str:
        return next((part for part in self.argv if part.rpartition("/")[2] in PROGRAMS), self.argv[0])

    @abstractmethod
    def facts(self) -> Facts:
        """Ask what this is. Raises what stands in the way: NotFound, AccessDenied, Unreachable."""

    @abstractmethod
    def inventory(self, facts: Facts) -> Inventory:
        """Everything held, without host and free space."""

    @abstractmethod
    def images(self) -> Mapping[str, str]:
        """References and image IDs."""

    @abstractmethod
    def inspect(self, reference: str) -> Held | None:
        """One image, None where it is not there."""

    @abstractmethod
    def load_command(self) -> tuple[str, ...]: ...

    @abstractmethod
    def save_command(self, reference: str) -> tuple[str, ...]: ...

    @abstractmethod
    def remove_command(self, reference: str) -> tuple[str, ...]: ...

    def tag_command(self, source: str, target: str) -> tuple[str, ...]:
        """Have a name mean what another one, or an ID, means."""
        return ("tag", source, target)

    @abstractmethod
    def create_and_remove(self, reference: str) -> Result:
        """Create a container, never start it, and remove it: the proof that an image is usable."""

    def run(self, *args: str, timeout: float | None = 120.0, limit: int = LIMIT) -> Result:
        return self.shell.run([*self.argv, *args], timeout=timeout, limit=limit)

    def ask(self, *args: str) -> Result:
        """Run something that has to work."""
        result = self.run(*args)
        if not result.ok:
            raise self.failure(result)
        return result

    def failure(self, result: Result) -> LayerkitError:
        """What a program's complaint means for us."""
        said, name = result.stderr or result.text[-2000:], self.shell.name
        program = self.program
        if result.exit == ABSENT or "command not found" in said:
            return NotFound(f"{program} is not installed on {name}")
        if _NO_ACCESS.search(said):
            hint = "use sudo, or have the user added to the runtime's group"
            return AccessDenied(f"{program} on {name}: {result.complaint}", hint=hint)
        if _NO_DAEMON.search(said):
            return Unreachable(
                f"{program} on {name}: {result.complaint}", hint="is it running, and is this its socket?"
            )
        if _NO_IMAGE.search(said):
            return NotFound(f"{program} on {name}: {result.complaint}")
        return Refused(f"{program} on {name} failed: {result.complaint}")

    def save(self, reference: str) -> AbstractContextManager[BinaryIO]:
        return self.shell.read([*self.argv, *self.save_command(named(reference))], self.failure)


PROGRAMS = ("docker", "podman", "ctr", "nerdctl")


def named(reference: str) -> str:
    """A reference that no program takes for an option. Raises UsageError."""
    if not reference or reference.startswith("-") or not reference.isprintable() or " " in reference:
        raise UsageError(f"{printable(reference, 80)!r} is no image's name")
    return reference


def parse_object(raw: bytes, what: str) -> Mapping[str, Any]:
    """A JSON object that a program printed. Raises FormatError."""
    document = Document.parse(raw, limit=LIMIT)
    if document.fault or not isinstance(document.value, dict):
        raise FormatError(f"{what} printed no JSON object: {printable(raw[:80].decode('utf-8', 'replace'))}")
    return document.value


INSPECT = (
    '{"Id":{{json .ID}},"RepoTags":{{json .RepoTags}},"RepoDigests":{{json .RepoDigests}},"RootFS":{{json .RootFS}}}'
)
"""The part of `image inspect` that is needed, an image a line: 200 images of 40 layers make 700 KiB, not 5 MiB."""


def parse_images(lines: Iterable[bytes]) -> Iterator[Held]:
    """Images from what `INSPECT` prints. What is no image is passed over: it can only make an inventory smaller."""
    for line in lines:
        document = Document.parse(line) if line.strip() else Document(fault="empty")
        doc = document.value
        if document.fault or not isinstance(doc, dict):
            continue
        rootfs = field_of(doc, "RootFS")
        layers = strings_of(field_of(rootfs, "Layers")) if isinstance(rootfs, dict) else None
        image_id = text_of(doc, "Id")
        image_id = image_id if ":" in image_id or not image_id else f"sha256:{image_id}"
        tags = strings_of(field_of(doc, "RepoTags")) or strings_of(field_of(doc, "RepoDigests")) or ()
        if is_digest(image_id) and all(is_digest(layer) for layer in layers or ()):
            yield Held(image_id, tuple(tag for tag in tags if "<none>" not in tag), layers or ())


def of_images(runtime: str, facts: Facts, held: Iterable[Held]) -> Inventory:
    """What these images tell: every prefix of every chain, every diff ID."""
    chains: set[str] = set()
    diffs: set[str] = set()
    images: dict[str, str] = {}
    for one in held:
        chains.update(one.chains)
        diffs.update(one.diff_ids)
        images.update(dict.fromkeys(one.tags, one.image_id))
    return Inventory(
        runtime=runtime,
        version=facts.version,
        store=facts.store,
        platform=facts.platform,
        chain_ids=frozenset(chains),
        diff_ids=frozenset(diffs),
        images=images,
    )


def noted(inventory: Inventory, note: str) -> Inventory:
    return replace(inventory, notes=(*inventory.notes, note))
