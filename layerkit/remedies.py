"""Every repair there is, in the order in which they are carried out, and which of them an image calls for.

A repair is safe if it keeps the image ID and the files. The table stands before the diagnosis so that reports can name
what would help; `layerkit.repairs` carries it out.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from .alignment import Alignment
from .finding import Finding
from .report import Remedy


@dataclass(frozen=True, slots=True)
class Repair:
    """One kind of repair: whether it keeps the image ID, and what it needs besides the file."""

    id: str
    title: str
    safe: bool = True
    needs: str = ""


_ALL = (
    Repair("pick-images", "take only the images that were asked for"),
    Repair("normalise-names", "give members plain relative names"),
    Repair("merge-manifests", "join several manifest.json into one"),
    Repair("rebuild-list", "rebuild manifest.json from the configs and layers that are there"),
    Repair("drop-platforms", "drop index entries whose blobs are absent"),
    Repair("join-images", "join entries that lead to the same image"),
    Repair("choose-half", "follow the half of the archive whose layers are there"),
    Repair("find-config", "take the config that fits the layers", True, "a source that has it, unless it is here"),
    Repair("name-config", "name the config by what its bytes hash to"),
    Repair("correct-diff-ids", "write the diff IDs that the layers really have", False),
    Repair("complete-config", "write what the config lacks", False),
    Repair("mark-history", "mark history entries that made no layer", False),
    Repair("extend-history", "add history entries for layers without one", False),
    Repair("drop-surplus", "drop layers that no diff ID claims"),
    Repair("list-layers", "list layers that are stored and not listed"),
    Repair("order-layers", "list the layers in the order of the config"),
    Repair("fill-layers", "put missing layers back", True, "a source that has them (--from)"),
    Repair("replace-layers", "replace wrong or damaged layers", True, "a source that has them (--from)"),
    Repair("leave-out", "list the missing layers again, as a delta", True, "a target that holds them"),
    Repair("repack-layers", "pack layers as every wanted runtime can read"),
    Repair("rebuild-docker", "write manifest.json from the OCI half"),
    Repair("rebuild-oci", "write the OCI half from manifest.json"),
    Repair("rename-tags", "give images other names"),
    Repair("drop-duplicates", "write every member once"),
    Repair("close-archive", "close the archive with its end marker"),
    Repair("rewrite", "write the archive anew"),
)
REPAIRS: Mapping[str, Repair] = {repair.id: repair for repair in _ALL}
"""By id, in order."""

_BY_CODE: Mapping[str, str] = {
    "LK102": "mark-history",
    "LK206": "name-config",
    "LK207": "order-layers",
    "LK210": "find-config",
    "LK402": "rebuild-oci",
    "LK404": "repack-layers",
    "LK406": "complete-config",
    "LK409": "correct-diff-ids",
}
_FILE: Mapping[str, str] = {"LK302": "drop-duplicates", "LK305": "normalise-names", "LK308": "drop-platforms"}


def remedies_for(
    subject: str, image: Alignment, findings: Iterable[Finding], whole: Iterable[Finding]
) -> tuple[Remedy, ...]:
    """What would repair this image, as commands to run; nothing where nothing is wrong.

    `findings` are the image's, `whole` those of its file.
    """
    serious = [f for f in findings if f.severity != "info"]
    around = [f for f in whole if f.severity != "info"]
    if any(f.code in ("LK304", "LK306") for f in around):
        return ()
    name = shlex.quote(subject) if subject and subject != "-" else "BROKEN"
    ids = dict.fromkeys([*_of_layers(image, serious), *_of_codes(serious, _BY_CODE), *_of_codes(around, _FILE)])
    return tuple(_remedy(REPAIRS[id], name) for id in REPAIRS if id in ids)


def _of_codes(findings: Iterable[Finding], table: Mapping[str, str]) -> Iterator[str]:
    for finding in findings:
        if finding.code == "LK302" and "manifest.json" in finding.evidence.get("names", ()):
            yield "merge-manifests"
        elif finding.code == "LK202" and finding.evidence.get("compressed_digests"):
            yield "correct-diff-ids"
        elif finding.code in table:
            yield table[finding.code]


def _of_layers(image: Alignment, findings: list[Finding]) -> Iterator[str]:
    codes = {finding.code for finding in findings}
    missing = image.positions("gone", "absent")
    if image.positions("unlisted"):
        yield "list-layers"
    if missing and image.config.diff_ids:
        yield "fill-layers"
        if missing == tuple(range(len(missing))) and len(missing) < len(image.config.diff_ids):
            yield "leave-out"
    if image.positions("surplus") and image.config.diff_ids:
        yield "drop-surplus"
    packed = any(f.code == "LK202" and f.evidence.get("compressed_digests") for f in findings)
    if image.positions("wrong", "damaged") and codes & {"LK202", "LK205", "LK208"} and not packed:
        yield "replace-layers"
    if "LK209" in codes:  # a file of no bytes: a structural look knows it too
        yield "replace-layers"
    if codes & {"LK104", "LK105", "LK203", "LK204", "LK211"} and not missing and image.manifest.view == "docker":
        yield "rebuild-oci"


def _remedy(repair: Repair, name: str) -> Remedy:
    command = f"layerkit repair {name} -o FIXED.tar"
    if "source" in repair.needs:
        command += " --from SOURCE"
    elif repair.id == "leave-out":
        command += " --as-delta"
    if not repair.safe:
        command += " --unsafe"
    return Remedy(repair.id, repair.safe, (repair.needs,) if repair.needs else (), command, repair.title)
