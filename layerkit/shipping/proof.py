"""Look again: whether an image has arrived is read from the host, not from what its load command prints."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from ..digest import chain_ids
from ..errors import LayerkitError, UsageError
from ..hosts import Host
from ..inventory import Inventory
from ..reference import Reference
from ..text import printable
from .cargo import Wanted


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at on the host. `ok` is None where it could not be."""

    image: str
    what: str
    ok: bool | None


def look_again(host: Host, wanted: Sequence[Wanted], *, complete: bool = True) -> tuple[Check, ...]:
    """Read every image anew: its ID, its diff IDs, its layers and blobs, and that a container can be created from it.

    `complete` says whether every blob has to be in a containerd store; a thin load leaves out some on purpose.
    """
    inventory = host.inventory()
    return tuple(check for image in wanted for check in _look_at(host, image, inventory, complete=complete))


def failure(checks: Sequence[Check]) -> str:
    """What the first failed check says, "" where none failed."""
    return next((f"{check.image}: {check.what}" for check in checks if check.ok is False), "")


def _look_at(host: Host, image: Wanted, inventory: Inventory, *, complete: bool) -> Iterator[Check]:
    for name in image.names_on(inventory):
        shown = printable(name, 120)
        held = host.inspect(name)
        if held is None:
            yield Check(shown, "is not there", False)
            continue
        ids = image.ids_on(inventory)
        right = held.image_id in ids
        other = "" if right else f", expected {' or '.join(sorted(one[:19] for one in ids))}"
        yield Check(shown, f"image ID {held.image_id[:19]}{other}", right)
        same = held.diff_ids == image.diff_ids
        there, all_of_them = len(held.diff_ids), len(image.diff_ids)
        counted = f"{there} layers" if there == all_of_them else f"{there} of {all_of_them} layers"
        yield Check(shown, counted if same or there != all_of_them else f"{counted}, not the right ones", same)
        absent = len(set(chain_ids(image.diff_ids)) - inventory.chain_ids)
        yield Check(shown, f"{absent} layers are not unpacked" if absent else "every layer unpacked", not absent)
        if "containerd" in (inventory.runtime, inventory.store):
            yield _whole(shown, name, inventory, complete=complete)
        created = host.create_and_remove(name)
        said = "a container can be created" if created.ok else f"no container can be created: {created.complaint}"
        yield Check(shown, said, created.ok)


def _whole(shown: str, name: str, inventory: Inventory, *, complete: bool) -> Check:
    if inventory.images and not inventory.blobs:
        return Check(shown, "whether every blob is stored could not be looked at", None)
    if not {name, _familiar(name)} & set(inventory.incomplete):
        return Check(shown, "every blob stored", True)
    told = "blobs are missing: it can be run, but neither saved nor pushed"
    return Check(shown, told, False if complete else None)


def keep(host: Host, before: Inventory, wanted: Sequence[Wanted]) -> Mapping[str, str]:
    """Give what these names mean now another name each, where an image without one is lost: in containerd's stores."""
    kept: dict[str, str] = {}
    if host.store == "containerd":
        for name in (name for image in wanted for name in image.names_on(before)):
            if _of(before.images, name) is not None:
                kept[name] = f"layerkit.invalid/kept:{secrets.token_hex(8)}"
                host.driver.ask(*host.driver.tag_command(name, kept[name]))
    return kept


def forget(host: Host, kept: Mapping[str, str]) -> None:
    """Take the names away that `keep` gave."""
    for name in kept.values():
        with suppress(LayerkitError):
            host.remove(name)


def restore(host: Host, before: Inventory, wanted: Sequence[Wanted], kept: Mapping[str, str]) -> None:
    """After a failure: names that were not there go, those that meant another image mean it again."""
    try:
        now = host.images()
    except LayerkitError:
        now = {}
    for image in wanted:
        with suppress(UsageError):
            for name in image.names_on(before):
                was = _of(before.images, name)
                if was is None:
                    with suppress(LayerkitError):
                        host.remove(name)
                elif _of(now, name) != was:
                    with suppress(LayerkitError):
                        host.driver.ask(*host.driver.tag_command(kept.get(name, was), name))


def _of(images: object, name: str) -> str | None:
    known = dict(images) if isinstance(images, dict) else {}
    return next((known[one] for one in (name, _familiar(name), _full(name)) if one in known), None)


def _familiar(name: str) -> str:
    try:
        return Reference.parse(name).familiar
    except UsageError:
        return name


def _full(name: str) -> str:
    try:
        return str(Reference.parse(name).tagged())
    except UsageError:
        return name
