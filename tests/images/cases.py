"""Archives with one deliberate defect each, by the names under which real loaders were watched.

A case takes a salt, which is baked into its layers, so that no two cases share a layer; the `thin_*`
families do share theirs, because they are made to be loaded one after another (`..._0_base` first).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from . import build
from .build import ABSENT, Spec, docker_archive, hybrid, layer, oci_layout, pack, sha256, stack, steps
from .lookalikes import attestation, ghost, legacy
from .tar import Tar, encode

Case = Callable[[str], Tar | bytes]
UNKNOWN = {"os": "unknown", "architecture": "unknown"}
ARM64 = {"os": "linux", "architecture": "arm64"}


def _tag(salt: str) -> str:
    return f"defect.test/{salt.replace('_', '-')}:t"


def _spec(salt: str, count: int = 3, **knobs: Any) -> Spec:
    knobs = {"tags": (_tag(salt),), "layers": stack(salt, range(count)), **knobs}
    return Spec(**knobs)


def _docker(salt: str, **knobs: Any) -> Tar:
    return docker_archive(_spec(salt, **knobs))


def _oci(salt: str, **knobs: Any) -> Tar:
    return oci_layout(_spec(salt, **{"compression": "gzip", "ref": "defect", **knobs}))


def _hybrid(salt: str, **knobs: Any) -> Tar:
    return hybrid(_spec(salt, **knobs))


def _ids(salt: str, numbers: Iterable[int] = range(3)) -> list[str]:
    return [sha256(layer(salt, number)) for number in numbers]


def _layers(change: Callable[[list[str]], Any]) -> dict[str, Any]:
    """The knobs that change what manifest.json lists."""
    return {"entry": {"Layers": change}}


def _config(**claims: Any) -> Case:
    return lambda salt: _docker(salt, config=claims)


def _linked(target: str) -> Case:
    """Layer 1 is in the file as a link to `target` only."""

    def case(salt: str) -> Tar:
        spec = _spec(salt, stored={1: None})
        tar = docker_archive(spec)
        if target == "../store/x.tar":
            tar = tar.file("store/x.tar", spec.layers[1])
        return tar.symlink(spec.layer_names[1], target)

    return case


def _twice(salt: str, *, bad_first: bool) -> Tar:
    spec = _spec(salt)
    return docker_archive(spec).file(spec.layer_names[1], layer(salt + "bad", 1), at=0 if bad_first else None)


def _three_paths(salt: str, paths: str, numbers: tuple[int, ...], *, link: bool = False) -> Tar:
    names = tuple(f"{path}/layer.tar" for path in paths.split())
    tar = _docker(salt, layers=stack(salt, numbers), names=names, stored={2: None})
    return tar.hardlink(names[2], names[0]) if link else tar


def _two_images(salt: str) -> Tar:
    second = _spec(salt + "2", **_layers(lambda names: names[:2]))
    return docker_archive(_spec(salt + "1"), second)


def _member_dotdot(salt: str) -> Tar:
    tar = _docker(salt, **_layers(lambda names: ["../" + name for name in names]))
    return tar.rename(lambda name: "../" + name if name.endswith("layer.tar") else name)


def _second_manifest(salt: str) -> Tar:
    tar = _docker(salt)
    item = json.loads(tar["manifest.json"])[0]
    return tar.file("manifest.json", encode([{**item, "Layers": item["Layers"][:2]}]))


def _lower_keys(items: Any) -> list[dict[str, Any]]:
    return [{key.lower(): value for key, value in item.items()} for item in items]


def _cut_clean(salt: str) -> bytes:
    return bytes(Tar(_docker(salt).members[:2]))[: 2 * (512 + 10240)]


DOCKER: Mapping[str, Case] = {
    "da_good": lambda s: _docker(s),
    "da_no_manifest": lambda s: _docker(s).drop("manifest.json"),
    "da_manifest_truncjson": lambda s: _docker(s).replace("manifest.json", b'[{"Config":"a.json","RepoTags":'),
    "da_manifest_emptylist": lambda s: _docker(s).replace("manifest.json", b"[]"),
    "da_manifest_null": lambda s: _docker(s).replace("manifest.json", b"null"),
    "da_manifest_object": lambda s: _docker(s).edit("manifest.json", lambda items: items[0]),
    "da_manifest_trailing": lambda s: (tar := _docker(s)).replace("manifest.json", tar["manifest.json"] + b"\nGARBAGE"),
    "da_config_notjson": lambda s: _docker(s, config_bytes=b"not json at all"),
    "da_config_zerobytes": lambda s: _docker(s, config_bytes=b""),
    "da_config_name_mismatch": lambda s: _docker(s, config_name="0" * 64 + ".json"),
    "da_count_manifest_more": lambda s: _docker(s, count=4, diff_ids=tuple(_ids(s))),
    "da_count_manifest_fewer": lambda s: _docker(s, count=4, **_layers(lambda names: names[:3])),
    "da_layers_null": lambda s: _docker(s, entry={"Layers": None}),
    "da_zero_layers": lambda s: _docker(s, diff_ids=(), entry={"Layers": []}),
    "da_history_more": _config(history=steps("h0", "h1", "h2", "h3", "h4")),
    "da_history_missing": _config(history=ABSENT),
    "da_layer_missing": lambda s: _docker(s, stored={1: None}),
    "da_layer_wrong_bytes": lambda s: _docker(s, stored={1: layer(s + "x", 1)}),
    "da_layer_truncated": lambda s: _docker(s, stored={1: lambda data: data[:1000]}),
    "da_layer_zerobytes": lambda s: _docker(s, stored={1: b""}),
    "da_layer_emptyfile_diffid": lambda s: _docker(s, layers=(layer(s, 0), b"", layer(s, 2))),
    "da_gzip": lambda s: _docker(s, compression="gzip"),
    "da_gzip_count_fewer": lambda s: _docker(s, count=4, compression="gzip", **_layers(lambda names: names[:3])),
    "da_gzip_truncated": lambda s: _docker(s, compression="gzip", stored={1: lambda data: data[: len(data) // 2]}),
    "da_xz": lambda s: _docker(s, compression="xz"),
    "da_bz2": lambda s: _docker(s, compression="bzip2"),
    "da_symlink_unique": _linked("../store/x.tar"),
    "da_symlink_dangling": _linked("../nowhere/x.tar"),
    "da_symlink_escape": _linked("../../../../../../etc/hostname"),
    "da_hardlink": lambda s: _three_paths(s, "aa bb cc", (0, 1, 0), link=True),
    "da_dup_path_diff": lambda s: _three_paths(s, "a b a", (0, 1, 2)),
    "da_dup_path_same": lambda s: _three_paths(s, "a b a", (0, 1, 0)),
    "da_dup_member_last_good": lambda s: _twice(s, bad_first=True),
    "da_dup_member_first_good": lambda s: _twice(s, bad_first=False),
    "da_dup_manifest_last_bad": _second_manifest,
    "da_manifest_dotdot": lambda s: _docker(s, **_layers(lambda names: ["../../" + n for n in names])),
    "da_manifest_dotslash": lambda s: _docker(s, **_layers(lambda names: ["./" + n for n in names])),
    "da_member_dotslash": lambda s: _docker(s).rename(lambda name: "./" + name),
    "da_member_dotdot": _member_dotdot,
    "da_os_windows": _config(os="windows"),
    "da_os_bogus": _config(os="no such os"),
    "da_os_missing": _config(os=ABSENT, architecture=ABSENT),
    "da_os_unknown": _config(**UNKNOWN),
    "da_arch_arm64": _config(architecture="arm64"),
    "da_rootfs_missing": _config(rootfs=ABSENT),
    "da_rootfs_null": _config(rootfs=None),
    "da_rootfs_type_wrong": _config(history=ABSENT, rootfs=lambda true: {**true, "type": "layers+base"}),
    "da_rootfs_type_missing": _config(history=ABSENT, rootfs=lambda true: {"diff_ids": true["diff_ids"]}),
    "da_diffid_not_a_digest": lambda s: _docker(s, diff_ids=(_ids(s)[0], "banana", _ids(s)[2])),
    "da_diffid_no_prefix": lambda s: _docker(s, diff_ids=tuple(build.hexes(i) for i in _ids(s))),
    "da_tag_uppercase": lambda s: _docker(s, tags=("defect.test/UPPER:t",)),
    "da_tag_digest": lambda s: _docker(s, tags=("defect.test/x@" + sha256(s.encode()),)),
    "da_two_images_second_bad": _two_images,
    "da_outer_gzip": lambda s: pack(bytes(_docker(s)), "gzip"),
    "da_outer_xz": lambda s: pack(bytes(_docker(s)), "xz"),
    "da_outer_cut_clean": _cut_clean,
    "da_outer_empty": lambda s: b"",
    "da_arch_dup_key_case": lambda s: _docker(s).edit("manifest.json", _lower_keys),
    "v1_parent_missing": lambda s: legacy(s, _tag(s), absent=(0,)),
}


def _attested(salt: str, *, present: bool) -> Tar:
    linux = {"platform": {"os": "linux", "architecture": "amd64"}}
    spec = _spec(salt, compression="gzip", ref="defect", descriptor=linux)
    proof = attestation(sha256(spec.manifest_json))
    return oci_layout(spec, proof if present else ghost(replace(proof, manifest_bytes=b"ghost")), nested=True)


def _two_platforms(salt: str) -> Tar:
    def one(name: str, arch: str) -> Spec:
        platform = {"os": "linux", "architecture": arch}
        claims: dict[str, Any] = {"config": {"architecture": arch}, "descriptor": {"platform": platform}}
        return _spec(name, tags=(_tag(salt),), compression="gzip", ref="defect", **claims)

    return oci_layout(one(salt, "arm64"), one(salt + "b", "s390x"), nested=True)


GZIP = build.OCI_LAYER + "+gzip"

LAYOUTS: Mapping[str, Case] = {
    "oci_good": lambda s: _oci(s),
    "oci_no_index": lambda s: _oci(s).drop("index.json"),
    "oci_index_empty": lambda s: _oci(s).edit("index.json", lambda index: {"schemaVersion": 2, "manifests": []}),
    "oci_layout_badversion": lambda s: _oci(s).replace("oci-layout", b'{"imageLayoutVersion":"9.9.9"}'),
    "oci_config_missing": lambda s: _oci(s, stored={"config": None}),
    "oci_layer_missing": lambda s: _oci(s, stored={1: None}),
    "oci_manifest_corrupt": lambda s: _oci(
        s, stored={"manifest": lambda b: b.replace(b'"schemaVersion"', b' "schemaVersion"')}
    ),
    "oci_config_notjson": lambda s: _oci(s, config_bytes=b"not json"),
    "oci_layer_corrupt": lambda s: _oci(s, stored={1: pack(layer(s + "bad", 1), "gzip")}),
    "oci_layer_truncated": lambda s: _oci(s, stored={1: lambda data: data[: len(data) // 2]}),
    "oci_manifest_size_wrong": lambda s: _oci(s, descriptor={"size": lambda size: size + 7}),
    "oci_diffid_mismatch": lambda s: _oci(s, diff_ids=(_ids(s)[0], sha256(b"other"), _ids(s)[2])),
    "oci_diffid_order": lambda s: _oci(s, diff_ids=tuple(_ids(s, (1, 0, 2)))),
    "oci_diffid_compressed": lambda s: _oci(s, diff_ids=tuple(sha256(pack(data, "gzip")) for data in stack(s))),
    "oci_zero_layers_nonzero_diffids": lambda s: _oci(s, manifest={"layers": []}),
    "oci_history_more": lambda s: _oci(s, config={"history": steps("h0", "h1", "h2", "h3", "h4")}),
    "oci_uncompressed": lambda s: _oci(s, compression="plain"),
    "oci_zstd_labelled_gzip": lambda s: _oci(s, compression="zstd", media_types=GZIP),
    "oci_gzip_labelled_plain": lambda s: _oci(s, media_types=build.OCI_LAYER),
    "oci_layer_mt_unknown": lambda s: _oci(s, media_types=(GZIP, "application/x-unknown-layer", GZIP)),
    "oci_foreign_present": lambda s: _oci(s, media_types=(GZIP, build.OCI_FOREIGN + "+gzip", GZIP)),
    "oci_arch_arm64": lambda s: _oci(s, config={"architecture": "arm64"}),
    "oci_os_windows": lambda s: _oci(s, config={"os": "windows"}),
    "oci_desc_platform_arm64": lambda s: _oci(s, config=ARM64, descriptor={"platform": ARM64}),
    "oci_desc_platform_unknown": lambda s: _oci(s, descriptor={"platform": UNKNOWN}),
    "oci_desc_no_mediatype": lambda s: _oci(s, descriptor={"mediaType": ABSENT}),
    "oci_ref_only": lambda s: _oci(s, tags=None, ref="justatag"),
    "oci_attestation_nested": lambda s: _attested(s, present=True),
    "oci_attestation_missing_blob": lambda s: _attested(s, present=False),
    "oci_multi_without_wanted": _two_platforms,
    "hy_good": lambda s: _hybrid(s),
    "hy_oci_layers_fewer": lambda s: _hybrid(s, manifest={"layers": lambda layers: layers[:-1]}),
    "hy_layer_missing": lambda s: _hybrid(s, stored={1: None}),
    "hy_no_index": lambda s: _hybrid(s).drop("index.json"),
    "hy_no_layout": lambda s: _hybrid(s).drop("oci-layout"),
}


def _thin(family: str, numbers: list[int], have: list[int], ref: str, **knobs: Any) -> Spec:
    """Layers `numbers` of a family, of which only `have` are in the file."""
    stored = {position: None for position, number in enumerate(numbers) if number not in have}
    layers = stack(f"thinfam-{family}", numbers)
    return _spec(f"thin-{family}-{ref}", **{"layers": layers, "stored": stored, "ref": ref, **knobs})


# What a thin archive holds: the whole base; a child on top of it; the base again with no layer at all;
# a known layer on another parent; and one layer that neither the file nor the host has.
THIN: tuple[tuple[str, list[int], list[int], str], ...] = (
    ("0_base", [0, 1, 2], [0, 1, 2], "base"),
    ("1_child", [0, 1, 2, 3, 4], [3, 4], "child"),
    ("2_same_nolayers", [0, 1, 2], [], "base2"),
    ("3_otherchain", [5, 2, 6], [5, 6], "otherchain"),
    ("4_hole", [0, 1, 2, 7, 8], [8], "hole"),
)


def _thin_cases() -> dict[str, Case]:
    def fixed(write: Callable[..., Tar], spec: Spec) -> Case:
        return lambda salt: write(spec)

    gz = {"compression": "gzip"}
    cases = {}
    forms: tuple[tuple[str, str, Callable[..., Tar], dict[str, str]], ...] = (
        ("da", "a", docker_archive, {}),
        ("oci", "b", oci_layout, gz),
        ("hy", "c", hybrid, {}),
    )
    for kind, family, write, knobs in forms:
        for name, numbers, have, ref in THIN:
            cases[f"thin_{kind}_{name}"] = fixed(write, _thin(family, numbers, have, ref, **knobs))
    child = _thin("d", [0, 1, 2, 3], [3], "child", **gz)
    wrong = {0: b"garbage", 1: layer("zz", 1), 2: b""}
    no_paths = _layers(lambda names: ["", "", "", names[3]])
    nothing = {0: b"", 1: b"", 2: b""}
    return {
        **cases,
        "thin_mix_0_base_da": fixed(docker_archive, _thin("d", [0, 1, 2], [0, 1, 2], "base")),
        "thin_mix_1_child_oci_gz": fixed(oci_layout, child),
        "thin_mix_2_child_oci_plain": fixed(oci_layout, _thin("d", [0, 1, 2, 4], [4], "childp")),
        # What is stored for layers the host has is never opened by docker's graphdriver store.
        "thin_da_5_present_but_wrong": fixed(docker_archive, _thin("a", [0, 1, 2, 9], [], "wrong", stored=wrong)),
        "thin_da_6_empty_paths": fixed(docker_archive, _thin("a", [0, 1, 2, 10], [10], "emptypaths", **no_paths)),
        "thin_da_7_placeholders": fixed(docker_archive, _thin("a", [0, 1, 2, 11], [], "placeholders", stored=nothing)),
    }


def _finished(case: Case) -> Callable[[str], bytes]:
    return lambda salt: bytes(case(salt))


CASES: Mapping[str, Callable[[str], bytes]] = {
    name: _finished(case) for name, case in {**DOCKER, **LAYOUTS, **_thin_cases()}.items()
}
