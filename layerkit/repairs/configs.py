"""Which config an image should have, and what has to be written into it where none is right."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from ..archive import encode
from ..digest import is_digest
from ..document import Document
from ..image import Config, History
from .change import Change

_METADATA = re.compile(
    r"(?:/bin/sh -c #\(nop\)\s+)?(?:CMD|ENTRYPOINT|ENV|EXPOSE|HEALTHCHECK|LABEL|MAINTAINER|ONBUILD|SHELL"
    r"|STOPSIGNAL|USER|VOLUME|ARG|WORKDIR)\b"
)
ADDED = "layerkit repair"
"""What is written as the step of a layer that the history did not tell of."""


def edit(config: Config, change: Callable[[dict[str, Any]], None]) -> Config:
    """The config with a change to its JSON. Numbers and texts that were not touched come out the same."""
    value = Document.parse(config.raw).value
    doc: dict[str, Any] = dict(value) if isinstance(value, dict) else {}
    change(doc)
    return Config.parse(encode(doc))


def _key(doc: dict[str, Any], name: str) -> str:
    """How the document spells a field: Go reads it whatever its case."""
    return name if name in doc else next((key for key in doc if key.lower() == name), name)


def with_diff_ids(config: Config, diff_ids: Sequence[str]) -> Config:
    def change(doc: dict[str, Any]) -> None:
        rootfs = doc.get(_key(doc, "rootfs"))
        doc[_key(doc, "rootfs")] = {
            **(rootfs if isinstance(rootfs, dict) else {}),
            "type": "layers",
            "diff_ids": list(diff_ids),
        }

    return edit(config, change)


def false_diff_ids(config: Config, measured: Sequence[tuple[str, str]]) -> Config | None:
    """The config with true diff IDs, where its own are no digests or those of the packed files.

    `measured` are the digest and diff ID of each listed layer, in order. None where that is not what is wrong.
    """
    if config.fault or len(measured) != len(config.diff_ids) or not measured:
        return None
    pairs = list(zip(config.diff_ids, measured, strict=True))
    wrong = [(said, digest) for said, (digest, diff_id) in pairs if said != diff_id]
    packed = all(said == digest or not (said.startswith("sha256:") and is_digest(said)) for said, digest in wrong)
    return with_diff_ids(config, [diff_id for _, diff_id in measured]) if wrong and packed else None


def with_platform(config: Config, platform: str) -> Config:
    system, _, rest = platform.partition("/")
    machine, _, variant = rest.partition("/")

    def change(doc: dict[str, Any]) -> None:
        doc[_key(doc, "os")], doc[_key(doc, "architecture")] = system, machine
        if variant:
            doc[_key(doc, "variant")] = variant

    return edit(config, change)


def shorter_history(config: Config) -> tuple[Config, tuple[int, ...]] | None:
    """The config with as many entries marked empty as claim a layer too much: steps that only set metadata first.

    None where the history is not too long.
    """
    told = [(i, entry) for i, entry in enumerate(config.history) if not entry.empty_layer]
    surplus = len(told) - len(config.diff_ids)
    if surplus <= 0 or not config.has_rootfs:
        return None
    suspects = [i for i, entry in told if _METADATA.match(entry.created_by)]
    # Whoever appended to the history came last: where nothing tells which it was, the last are the likeliest.
    others = [i for i, _ in reversed(told) if i not in suspects]
    marked = tuple(sorted([*suspects, *others][:surplus]))

    def change(doc: dict[str, Any]) -> None:
        key = _key(doc, "history")
        doc[key] = [{**entry, "empty_layer": True} if i in marked else entry for i, entry in enumerate(doc[key])]

    return edit(config, change), marked


def longer_history(config: Config) -> tuple[Config, int] | None:
    """The config with an entry for each layer that the history does not tell of; None where it tells of all or none."""
    told = [entry for entry in config.history if not entry.empty_layer]
    lacking = len(config.diff_ids) - len(told)
    if lacking <= 0 or not config.history:
        return None

    def change(doc: dict[str, Any]) -> None:
        entry = {"created": config.history[-1].created} if config.history[-1].created else {}
        doc[_key(doc, "history")] = [*doc[_key(doc, "history")], *[{**entry, "created_by": ADDED}] * lacking]

    return edit(config, change), lacking


def corrections(config: Config, name: str, *, wanted: bool, platform: str) -> tuple[Config, list[Change]]:
    """Everything that has to be written into a config, and with `wanted` what may be. Each gives a new image ID."""
    changes: list[Change] = []
    if platform and not (config.os and config.architecture):
        config = with_platform(config, platform)
        changes.append(Change("complete-config", "no platform", platform, name))
    if wanted and config.has_rootfs and config.rootfs_type != "layers":
        before = f"rootfs type {config.rootfs_type!r}"
        config = with_diff_ids(config, config.diff_ids)
        changes.append(Change("complete-config", before, 'rootfs type "layers"', name))
    if (shorter := shorter_history(config)) is not None:
        told = sum(not entry.empty_layer for entry in config.history)
        config, marked = shorter
        entries = ", ".join(f"{i} ({_shown(config.history[i])})" for i in marked[:6])
        after = f"{len(marked)} marked empty: entry {entries}"
        changes.append(Change("mark-history", f"{told} entries claim {len(config.diff_ids)} layers", after, name))
    if wanted and (longer := longer_history(config)) is not None:
        told = sum(not entry.empty_layer for entry in config.history)
        config, added = longer
        changes.append(
            Change("extend-history", f"{told} entries for {len(config.diff_ids)} layers", f"{added} added", name)
        )
    return config, changes


def _shown(entry: History) -> str:
    return entry.created_by[:60] or entry.comment[:60]
