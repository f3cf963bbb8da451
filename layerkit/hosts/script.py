"""The inventory of a site without a network: `inventory.sh` is run there, what it printed is read here."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ..errors import FormatError, NotFound
from ..inventory import Inventory
from ..text import printable
from .docker import UNPROVEN, facts_of
from .host import parse_df
from .podman import podman_facts
from .runtime import noted, of_images, parse_images, parse_object

SCRIPT = Path(__file__).with_name("inventory.sh").read_text(encoding="utf-8")
"""The script: POSIX, to be read before it is run."""

_HEAD, _LIMIT = "layerkit-inventory 1 ", 256 << 20


def import_inventory(path: str | Path) -> Inventory:
    """Read what `inventory.sh` printed, or an inventory that is one already.

    Raises NotFound where there is no file, FormatError where it is something else or only a part.
    """
    try:
        with Path(path).open("rb") as file:
            raw = file.read(_LIMIT + 1)
    except FileNotFoundError:
        raise NotFound(f"{path} does not exist") from None
    except OSError as error:
        raise NotFound(f"{path} cannot be read: {error.strerror}") from error
    if raw.lstrip().startswith(b"{"):
        return Inventory.from_json(raw, str(path))
    return parse_script(raw, str(path))


def parse_script(raw: bytes, name: str = "inventory") -> Inventory:
    """An inventory from the lines of `inventory.sh`."""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):  # a PowerShell redirect
        raw = raw.decode("utf-16", "replace").encode()
    lines = raw.removeprefix(b"\xef\xbb\xbf").splitlines()
    head = lines[0].decode("utf-8", "replace") if lines else ""
    runtime = head.removeprefix(_HEAD).strip()
    if not head.startswith(_HEAD) or runtime not in ("docker", "podman"):
        raise FormatError(
            f"{name} was not printed by inventory.sh: its first line is {printable(head, 60)!r}",
            hint="`layerkit inventory --script` prints the script that is to be run there",
        )
    parts: dict[bytes, list[bytes]] = {}
    for line in lines[1:]:
        word, _, rest = line.partition(b" ")
        parts.setdefault(word, []).append(rest)
    images, end = parts.get(b"image", []), parts.get(b"end", [])
    if len(end) != 1 or end[0].strip() != str(len(images)).encode():
        raise FormatError(
            f"{name} is not whole: it has {len(images)} images, and its last line "
            + (f"says {printable(end[0].decode('utf-8', 'replace'), 20)}" if end else "is missing"),
            hint="copy it again, or run the script again",
        )
    info = parse_object(parts.get(b"info", [b""])[0], f"the script in {name}")
    facts = facts_of(info) if runtime == "docker" else podman_facts(info)
    found = replace(
        of_images(runtime, facts, parse_images(images)),
        host=printable(parts.get(b"host", [b""])[0].decode("utf-8", "replace"), 255),
        free_bytes=parse_df(" " + parts[b"df"][0].decode("utf-8", "replace")) if b"df" in parts else None,
    )
    return noted(found, UNPROVEN) if facts.store == "containerd" else found
