"""Before anything is sent: which way, whether the base is there, whether there is room."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Literal

from ..alignment import Alignment
from ..decision import Missing, decide
from ..errors import Refused, UsageError
from ..hosts import Host
from ..inventory import Inventory
from ..plan import Packing, Plan
from ..text import printable, size_text
from .cargo import Need

Via = Literal["auto", "stream", "pull", "sftp"]
Way = Literal["stream", "pull", "sftp"]

COPYING = ("vfs", "native")
"""Drivers that keep every layer as a copy of all that is below it."""

_SHOWN = 8
"""Layers that a refusal lists."""


def choose_way(via: Via, inventory: Inventory) -> tuple[Way, str]:
    """Which way fewest bytes travel to this store, and why."""
    if via != "auto":
        return via, "that was asked for"
    if not _on_containerd(inventory):
        what = "podman reuses layers by digest" if inventory.runtime == "podman" else "a pull would fetch again"
        return "stream", f"{what}{'' if inventory.runtime == 'podman' else ' what was loaded, not pulled (moby#46664)'}"
    if inventory.images and not inventory.blobs:
        return "pull", "which blobs are there only the daemon knows, so it is let choose"
    return "stream", "its blobs are known, so none of them travels again"


def plan_for(
    alignments: Sequence[Alignment], inventory: Inventory, *, missing: Missing, thin: bool = False
) -> tuple[Plan, str]:
    """What this host lacks, in a form that it loads, and what is to be said about it.

    A containerd store keeps blobs beside what is unpacked from them, and an image of which blobs are missing can be run
    but neither saved nor pushed. So there only what is stored as this very blob is left out, unless `thin`.
    """
    packing: Packing | Literal["auto"] = "auto"
    if _before_zstd(inventory) and any(
        row.compression == "zstd" or (row.blob and row.blob.media_type.endswith("zstd"))
        for alignment in alignments
        for row in alignment.layers
    ):
        packing = "gzip"  # Docker reads zstd since 23.0 (moby e187eb2bb5)
    thinnest = decide(alignments, (inventory,), missing=missing, packing=packing)
    if thin or not _on_containerd(inventory):
        return thinnest, ""
    plan = decide(alignments, (replace(inventory, chain_ids=frozenset()),), missing=missing, packing=packing)
    extra = plan.travel_bytes - thinnest.travel_bytes
    if not extra:
        return plan, ""
    return plan, (
        f"{size_text(extra)} travel though they are unpacked there, from other blobs: "
        "without them the image could be run but not saved or pushed (thin leaves them out)"
    )


def check_base(needs: Iterable[Need], inventory: Inventory) -> None:
    """Refuse where a layer that is not carried is not there, with the list of what is missing."""
    missing = [need for need in needs if not inventory.holds(need.diff_id, need.chain_id, need.digest)]
    if not missing:
        return
    listed = ", ".join(f"{need.diff_id[:19]} (layer {need.position})" for need in missing[:_SHOWN])
    more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
    what = "layer" if len(missing) == 1 else "layers"
    raise Refused(
        f"{printable(inventory.host or 'the host', 100)} does not hold {len(missing)} {what} that "
        f"{'is' if len(missing) == 1 else 'are'} not carried: {listed}{more}; nothing was sent",
        hint="its base image was removed or is another one; plan again, or send the image in full",
    )


def check_space(need: int, host: Host, inventory: Inventory) -> None:
    """Refuse where the host has no room. While an archive is loaded it and its layers are on the disk at once."""
    free = inventory.free_bytes
    if free is not None and free < need:
        raise Refused(
            f"{host.name} has {size_text(free)} free in {host.facts.root}, and loading needs about "
            f"{size_text(need)}; nothing was sent",
            hint="remove images that are no longer used there",
        )


def check_way(way: Way, host: Host, *, remote: bool) -> None:
    """Raises UsageError for a way that does not lead there."""
    if way == "sftp" and not remote:
        raise UsageError(f"{host.name} is not reached over SSH, so there is no sftp", hint="use --via stream")
    if not host.on_this_machine and way == "pull":
        raise UsageError(
            f"the daemon of {host.name} is on yet another machine, which cannot reach a tunnel to this one",
            hint="use --via stream",
        )


def _on_containerd(inventory: Inventory) -> bool:
    return "containerd" in (inventory.runtime, inventory.store)


def _before_zstd(inventory: Inventory) -> bool:
    major = re.match(r"\d+", inventory.version)
    return inventory.runtime == "docker" and major is not None and int(major[0]) < 23
