"""The four claims about an image's layers, side by side by position; a gap is a fact.

Manifest entries are matched with diff IDs by identity first: the diff ID measured from the bytes, else a digest in
the entry that is one of the config's diff IDs. Only what is left over is matched by position. A trimmed prefix thus
shows as a gap at the bottom and not as a shift.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from typing import Literal

from .compression import Compression, detect
from .digest import Digest, Measurement, chain_ids
from .image import Blob, Config, History, Image, Manifest
from .inventory import Inventory

State = Literal["ok", "held", "absent", "wrong", "damaged", "surplus", "unlisted", "gone", "history", "unjudged"]
"""ok: listed, promised, there · held: absent, but the target has it · absent: listed, no bytes · wrong: other bytes
than promised · damaged: cannot be decompressed or is cut short · surplus: listed, no diff ID · unlisted: promised and
stored, not listed · gone: promised, neither listed nor stored · history: only the history knows it · unjudged: listed,
and the config promises nothing that could be read."""

MatchedBy = Literal["", "content", "digest", "name", "position"]

_HEX = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_CANDIDATES = 200_000


@dataclass(frozen=True, slots=True)
class Layer:
    """One position. `None` where a claim is silent about it; sizes are bytes.

    `size` is the descriptor's, `stored_size` what the source really keeps, `measured` is there after a deep read.
    """

    position: int
    manifest_index: int | None = None
    config_index: int | None = None
    blob: Blob | None = None
    diff_id: str | None = None
    chain_id: Digest | None = None
    present: bool = False
    stored_size: int | None = None
    compression: Compression | None = None
    measured: Measurement | None = None
    history_index: int | None = None
    created_by: str = ""
    matched_by: MatchedBy = ""
    state: State = "ok"

    @property
    def path(self) -> str | None:
        return None if self.blob is None else self.blob.name

    @property
    def listed(self) -> bool:
        return self.manifest_index is not None


@dataclass(frozen=True)
class Alignment:
    """One image's claims, joined. `layers` are in the config's order, with what only others know in between."""

    image: Image
    layers: tuple[Layer, ...] = field(repr=False)
    deep: bool
    held: Inventory | None = None

    @property
    def manifest(self) -> Manifest:
        return self.image.manifest

    @property
    def config(self) -> Config:
        return self.image.config

    @cached_property
    def oci(self) -> Manifest | None:
        """The OCI manifest, be it the only one or the other half of a hybrid archive."""
        return next((m for m in self.image.manifests if m.view != "docker"), None)

    @property
    def told(self) -> list[tuple[int, History]]:
        """History entries that claim a layer, with their index."""
        return [(i, h) for i, h in enumerate(self.config.history) if not h.empty_layer]

    @cached_property
    def counts(self) -> Mapping[str, int]:
        """The numbers of the JSON contract."""
        return {
            "manifest_layers": len(self.manifest.layers),
            "diff_ids": len(self.config.diff_ids),
            "history": len(self.config.history),
            "history_nonempty": len(self.told),
            "members_present": sum(layer.listed and layer.present for layer in self.layers),
        }

    def positions(self, *states: State) -> tuple[int, ...]:
        return tuple(layer.position for layer in self.layers if layer.state in states)


def align(
    image: Image,
    measured: Mapping[str, Measurement] | None = None,
    *,
    others: Sequence[Blob] = (),
    held: Inventory | None = None,
) -> Alignment:
    """Join what the image's manifest, config, history and bytes say.

    Parameters
    ----------
    measured
        Measurements by `Source.key`, from a deep read; None for a structural one.
    others
        Blobs of the source that no manifest lists, to find layers that were stored and not listed. Those that only
        the other half of a hybrid lists, or that are listed for another position, are found without it.
    held
        What the target has: an absent layer that it holds is `held`, not `absent`.
    """
    source, manifest, config = image.source, image.manifest, image.config
    known = measured or {}
    diff_ids = config.diff_ids
    wanted = frozenset(diff_ids)
    identities: list[tuple[str, MatchedBy]] = []
    for blob in manifest.layers:
        measurement = known.get(source.key(blob))
        if measurement is not None and measurement.diff_id is not None:
            identities.append((measurement.diff_id, "content"))
        else:
            identities.append(_claimed(blob, wanted))
    chains = list(chain_ids(diff_ids))
    told = [(i, h) for i, h in enumerate(config.history) if not h.empty_layer]
    pairs = list(_join(identities, diff_ids))
    stored = _stored(image, others, known) if any(listed is None for listed, _, _ in pairs) else {}
    layers: list[Layer] = []
    for listed, promised, how in pairs:
        found: Blob | None = manifest.layers[listed] if listed is not None else None
        diff_id = diff_ids[promised] if promised is not None else None
        bytes_of = found if found is not None else stored.get(diff_id or "")
        present = bytes_of is not None and source.has(bytes_of)
        measurement = known.get(source.key(bytes_of)) if bytes_of is not None and present else None
        event = told[promised] if promised is not None and promised < len(told) else None
        layer = Layer(
            position=len(layers),
            manifest_index=listed,
            config_index=promised,
            blob=found if found is not None else bytes_of,
            diff_id=diff_id,
            chain_id=chains[promised] if promised is not None else None,
            present=present,
            stored_size=source.stored_size(bytes_of) if bytes_of is not None and present else None,
            compression=detect(source.head(bytes_of)) if bytes_of is not None and present else None,
            measured=measurement,
            history_index=event[0] if event else None,
            created_by=event[1].created_by or event[1].comment if event else "",
            matched_by=how,
        )
        layers.append(replace(layer, state=_state(layer, held, judged=config.has_rootfs)))
    for index, entry in told[len(diff_ids) :]:
        created_by = entry.created_by or entry.comment
        layers.append(Layer(len(layers), history_index=index, created_by=created_by, state="history"))
    return Alignment(image, tuple(layers), measured is not None, held)


def _state(layer: Layer, held: Inventory | None, *, judged: bool) -> State:
    measured = layer.measured
    if layer.manifest_index is None:
        return "unlisted" if layer.present else "gone"
    if layer.config_index is None:
        return "surplus" if judged else "unjudged"
    if not layer.present:
        digest = layer.blob.digest if layer.blob else None
        return "held" if held and held.holds(layer.diff_id, layer.chain_id, digest) else "absent"
    if measured is not None and measured.fault:
        return "damaged"
    if measured is not None and measured.diff_id != layer.diff_id:
        return "wrong"
    return "ok"


def _claimed(blob: Blob, wanted: frozenset[str]) -> tuple[str, MatchedBy]:
    """The diff ID that a manifest entry carries in its digest or name, where the config knows it."""
    if blob.digest in wanted:
        return str(blob.digest), "digest"
    for text in _HEX.findall(blob.name):
        if f"sha256:{text}" in wanted:
            return f"sha256:{text}", "name"
    return "", ""


def _stored(image: Image, others: Sequence[Blob], known: Mapping[str, Measurement]) -> dict[str, Blob]:
    """Where bytes of each diff ID are, whoever lists them: told by content, else by name, else by the other half."""
    source, diff_ids = image.source, image.config.diff_ids
    wanted = frozenset(diff_ids)
    by_content: dict[str, Blob] = {}
    by_name: dict[str, Blob] = {}
    by_place: dict[str, Blob] = {}
    unread = set()
    for blob in (*(b for m in image.manifests for b in m.layers if source.has(b)), *others):
        measurement = known.get(source.key(blob))
        if measurement is not None:
            if measurement.diff_id is not None:
                by_content.setdefault(measurement.diff_id, blob)
            continue
        unread.add(source.key(blob))
        for text in (blob.digest or "", *(f"sha256:{found}" for found in _HEX.findall(blob.name))):
            if text in wanted:
                by_name.setdefault(text, blob)
    for other in image.manifests[1:]:
        if len(other.layers) == len(diff_ids):
            for diff_id, blob in zip(diff_ids, other.layers, strict=True):
                if source.key(blob) in unread:
                    by_place.setdefault(diff_id, blob)
    return {**by_place, **by_name, **by_content}


Pair = tuple[int | None, int | None, MatchedBy]


def _join(identities: Sequence[tuple[str, MatchedBy]], diff_ids: Sequence[str]) -> Iterator[Pair]:
    """Pair manifest entries with diff IDs; each of both comes out once, in order."""
    if len(identities) == len(diff_ids):
        for i, ((identity, how), diff_id) in enumerate(zip(identities, diff_ids, strict=True)):
            yield i, i, how if identity == diff_id else "position"
        return
    listed = promised = 0
    for anchor_listed, anchor_promised in [*_anchors(identities, diff_ids), (len(identities), len(diff_ids))]:
        yield from _gap(identities, range(listed, anchor_listed), range(promised, anchor_promised))
        if anchor_listed < len(identities):
            yield anchor_listed, anchor_promised, identities[anchor_listed][1]
        listed, promised = anchor_listed + 1, anchor_promised + 1


def _gap(identities: Sequence[tuple[str, MatchedBy]], listed: range, promised: range) -> Iterator[Pair]:
    """What lies between two matches: by position where the numbers agree or nothing is known of the entries."""
    even = len(listed) == len(promised)
    free = iter(promised)
    for i in listed:
        position = next(free, None) if even or identities[i][1] != "content" else None
        yield i, position, "" if position is None else "position"
    for position in free:
        yield None, position, ""


def _anchors(identities: Sequence[tuple[str, MatchedBy]], diff_ids: Sequence[str]) -> list[tuple[int, int]]:
    """The longest run of matches by identity that keeps both orders (Hunt and Szymanski, 1977)."""
    shorter = min(len(identities), len(diff_ids))
    same = next((i for i in range(shorter) if identities[i][0] != diff_ids[i]), shorter)
    places: dict[str, list[int]] = {}
    for position in range(same, len(diff_ids)):
        places.setdefault(diff_ids[position], []).append(position)
    ends: list[int] = []
    chains: list[tuple[int, int, object]] = []
    budget = _CANDIDATES
    for i in range(same, len(identities)):
        identity = identities[i][0]
        for position in islice(reversed(places.get(identity, ())), max(0, budget)):
            budget -= 1
            at = bisect.bisect_left(ends, position)
            link = (i, position, chains[at - 1] if at else None)
            if at == len(ends):
                ends.append(position)
                chains.append(link)
            else:
                ends[at], chains[at] = position, link
    pairs: list[tuple[int, int]] = []
    node: object = chains[-1] if chains else None
    while isinstance(node, tuple):
        pairs.append((node[0], node[1]))
        node = node[2]
    return [*((i, i) for i in range(same)), *pairs[::-1]]
