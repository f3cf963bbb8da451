"""Thirty broken exports that people met, with their numbers: built anew, and the mechanism has to be named.

Each case cites where it was seen. Layer counts, positions and history counts are real, the bytes are not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from layerkit import diagnose
from layerkit.causes import find_causes
from layerkit.digest import chain_ids
from layerkit.finding import Cause
from layerkit.frames import read_frames
from layerkit.inventory import Inventory

from .images import (
    ABSENT,
    EMPTY_LAYER,
    Member,
    Spec,
    Tar,
    build_cache,
    descriptor,
    docker_archive,
    ghost,
    hybrid,
    oci_layout,
    sha256,
    steps,
    utf16_redirect,
)
from .images.tar import encode

Found = tuple[str, str]


@dataclass(frozen=True)
class Case:
    """An archive, what is known of its target, and what has to be said about it.

    `file` and `images` are (cause, confidence) in order; `says` are parts of the message of the first, `seen`
    parts of its evidence. `codes` are the rules that fire among others, None for a sound archive.
    """

    seen_in: str
    archive: Callable[[], Tar | bytes]
    images: tuple[tuple[Found, ...], ...] = ((),)
    file: tuple[Found, ...] = ()
    says: tuple[str, ...] = ()
    seen: tuple[str, ...] = ()
    codes: frozenset[str] | None = None
    deep: bool = False
    held: Callable[[], Inventory | None] = field(default=lambda: None)


def layer(salt: str, number: int, size: int = 1500) -> bytes:
    """A layer with a file of its own, and one that every layer writes over: the order tells in the files."""
    line = f"{salt} layer {number}\n".encode()
    return bytes(Tar((Member(f"f{number}.txt", line * (size // len(line) + 1)), Member("top.txt", line))))


def stack(salt: str, numbers: Iterable[int]) -> tuple[bytes, ...]:
    return tuple(layer(salt, number) for number in numbers)


def spec(salt: str, count: int, **knobs: Any) -> Spec:
    return Spec(**{"layers": stack(salt, range(count)), **knobs})


def without(*positions: int) -> dict[int | str, None]:
    return dict.fromkeys(positions)


BASE11 = range(11)


def trimmed_25_of_36() -> Tar:
    return docker_archive(
        spec("f1", 36, names="colon", stored=without(*BASE11), entry={"Layers": lambda names: names[11:]})
    )


def listed_and_not_stored() -> Tar:
    return docker_archive(spec("f2", 36, names="colon", stored=without(*BASE11)))


def redis() -> Tar:
    """Seven layers, one of them empty: a WORKDIR that changed nothing, and not marked as empty."""
    layers = (*stack("redis", range(5)), EMPTY_LAYER, layer("redis", 6))
    history = steps(*(f"step {number}" for number in range(13)), empty=(3, 4, 5, 10, 11, 12))
    return docker_archive(Spec(layers, names="colon", config={"history": history}))


def schema1_base() -> Tar:
    """17 listed, 14 promised: three throwaway layers of a schema 1 base, anywhere on the list."""
    layers = list(stack("onbuild", range(14)))
    for position in (3, 7, 12):
        layers.insert(position, EMPTY_LAYER)
    promised = tuple(sha256(data) for data in layers if data != EMPTY_LAYER)
    return docker_archive(Spec(tuple(layers), names="v1", diff_ids=promised))


def debian_and_one(listed_layers: slice) -> Tar:
    return docker_archive(
        spec("debian", 3, names="v1", stored=without(0, 1), entry={"Layers": lambda n: n[listed_layers]})
    )


def empty_path() -> Tar:
    return docker_archive(spec("ubi8", 3, stored=without(0), entry={"Layers": lambda names: ["", *names[1:]]}))


def squashed() -> Tar:
    """Layers 2 to 4 became one, under a name that nothing lists; manifest and config are the old ones."""
    tar = docker_archive(spec("squash", 5, stored=without(2, 3, 4)))
    folder = hashlib.sha256(b"squashed").hexdigest()
    return tar.file(f"{folder}/layer.tar", layer("squash", 9), at=2)


def nginx_shuffled() -> Tar:
    return hybrid(spec("nginx", 7, manifest={"layers": lambda layers: [layers[i] for i in (0, 2, 1, 4, 3, 6, 5)]}))


def layer_sources() -> Tar:
    """Docker 25: plain tars, described in `LayerSources`. A reader took them for foreign layers."""
    one = spec("scratch", 1)
    sources = {sha256(one.blobs[0]): descriptor("application/vnd.oci.image.layer.v1.tar", one.blobs[0])}
    return hybrid(one).edit("manifest.json", lambda items: [{**items[0], "LayerSources": sources}])


def manifest_blob_only() -> Tar:
    return hybrid(spec("operator", 14, compression="gzip", stored={**without(*range(14)), "config": None}))


def two_platforms(*, manifest: bool) -> Tar:
    """The host's blobs, and an index that names another platform, with its manifest or without."""
    here = spec("amd", 3, compression="gzip", descriptor={"platform": {"os": "linux", "architecture": "amd64"}})
    arm = spec(
        "arm",
        3,
        compression="gzip",
        config={"architecture": "arm64"},
        descriptor={"platform": {"os": "linux", "architecture": "arm64"}},
    )
    gone = ghost(arm)
    if manifest:
        gone = replace(gone, stored={key: None for key in gone.stored if key != "manifest"})
    return oci_layout(here, gone, nested=True)


def history_17_of_which_5_empty() -> Tar:
    texts = [f"/bin/sh -c make step{number}" for number in range(17)]
    texts[12] = '/bin/sh -c #(nop)  CMD ["node"]'
    return docker_archive(spec("jib", 11, config={"history": steps(*texts, empty=(2, 5, 8, 14, 16))}))


def modelcar() -> Tar:
    return docker_archive(spec("olot", 31, config={"history": steps("base", "dirs", "model", "CMD x", empty=[3])}))


def schema1_manifest() -> Tar:
    manifest = {
        "schemaVersion": 1,
        "name": "library/hand",
        "tag": "made",
        "architecture": "amd64",
        "fsLayers": [{"blobSum": sha256(bytes([n]))} for n in range(6)],
        "history": [{"v1Compatibility": "{}"} for _ in range(5)],
    }
    return oci_layout(
        spec(
            "schema1",
            1,
            manifest_bytes=encode(manifest),
            descriptor={"mediaType": "application/vnd.docker.distribution.manifest.v1+json"},
        )
    )


def repeated_as_symlink() -> Tar:
    first, second = layer("workdir", 0), layer("workdir", 1)
    names = tuple(f"{hashlib.sha256(n).hexdigest()}/layer.tar" for n in (b"0", b"1", b"2"))
    return docker_archive(Spec((first, second, first), names=names, stored=without(2))).symlink(
        names[2], f"../{names[0]}"
    )


def two_images() -> Tar:
    shared = stack("bpcells", range(6))
    return docker_archive(
        Spec((*shared, *stack("old", range(3))), tags=("bpcells_bench:0.2",)),
        Spec((*shared, *stack("new", range(3))), tags=("bpcells_bench:0.3",)),
    )


def spoilt(salt: str, position: int, count: int) -> Tar:
    """One layer, the biggest, with some bytes changed in its middle."""
    layers = tuple(layer(salt, n, 20_000 if n == position else 1500) for n in range(count))
    return docker_archive(Spec(layers, stored={position: lambda data: data.replace(b"layer", b"lAyer", 3)}))


def merged() -> Tar:
    base = docker_archive(spec("base", 3, tags=("demo:old",)))
    delta = docker_archive(
        Spec((*stack("base", range(3)), layer("diff", 3)), tags=("demo:new",), stored=without(0, 1, 2))
    )
    return base.add(*delta)


def shifted_base() -> Inventory:
    """Twelve layers, eleven of them wanted, with one more at the bottom."""
    ids = (sha256(layer("below", 0)), *spec("f2", 11).true_diff_ids)
    return Inventory("site", "docker", diff_ids=frozenset(ids), chain_ids=frozenset(chain_ids(ids)))


def gzip_base() -> Inventory:
    """The base came in by `pull`: the right chains, and blobs of other digests."""
    one = spec("f28", 11, compression="gzip")
    return Inventory(
        "site",
        "containerd",
        diff_ids=frozenset(one.true_diff_ids),
        chain_ids=frozenset(chain_ids(one.true_diff_ids)),
        blobs=frozenset(sha256(blob) for blob in one.blobs),
    )


def two_compressions() -> Tar:
    one = spec("variants", 3, compression="gzip")
    zstd = replace(one, compression="zstd", stored=without(0, 1, 2))
    return oci_layout(one, zstd, nested=True)


SURE, LIKELY, MAYBE = "certain", "likely", "possible"
FILTER, LAST = "incremental-filter", "last-layer-only"

CASES: Mapping[str, Case] = {
    "F01 an exporter trims the list": Case(
        "yimiaoxiehou/lite-image-export@fea41a1",
        trimmed_25_of_36,
        (((FILTER, SURE),),),
        says=("manifest.json has 25, the config 36", "lowest 11 layers (positions 0–10)"),
        seen=("expected 25, got 36", "named as lite-image-export names them"),
        codes=frozenset({"LK101"}),
    ),
    "F02 then it lists all and stores 25": Case(
        "lite-image-export docker_import_error_analysis.md",
        listed_and_not_stored,
        (((FILTER, SURE),),),
        says=("All 36 layers are listed", "lowest 11 layers (positions 0–10)", "not stored"),
        codes=frozenset({"LK201"}),
    ),
    "F03 redis 8.0.3, sound": Case("lite-image-export@2ac8428", redis, deep=True),
    "F04 empty layers of a schema 1 base": Case(
        "bazelbuild/rules_docker#474",
        schema1_base,
        ((("schema1-empty-layers", SURE),),),
        says=("manifest.json lists 17 layers", "the config promises 14", "positions 3, 7, 12", "3 of them"),
        seen=("expected 17, got 14",),
        codes=frozenset({"LK101"}),
    ),
    "F05 own layer only, all listed": Case(
        "moby/moby#18723",
        lambda: debian_and_one(slice(0, 3)),
        (((LAST, LIKELY), (FILTER, MAYBE)),),
        says=("topmost of 3 layers", "2 layers of its base (positions 0–1)"),
        codes=frozenset({"LK201"}),
    ),
    "F05 own layer only, one listed": Case(
        "moby/moby#18723",
        lambda: debian_and_one(slice(2, 3)),
        (((LAST, LIKELY), (FILTER, MAYBE)),),
        says=("topmost of 3 layers",),
        seen=("expected 1, got 3",),
        codes=frozenset({"LK101"}),
    ),
    "F06 an empty path for the base": Case(
        "containers/podman#8132",
        empty_path,
        ((("empty-layer-path", SURE),),),
        says=('has the path "" in manifest.json', "position 0"),
        codes=frozenset({"LK309"}),
    ),
    "F07 last layer kept": Case(
        "brthor/docker-save-last-layer#2",
        lambda: docker_archive(spec("last", 3, names="v1", stored=without(0, 1))),
        (((LAST, LIKELY), (FILTER, MAYBE)),),
        says=("keeps the last layer only",),
        codes=frozenset({"LK201"}),
    ),
    "F08 squashed layers still listed": Case(
        "jwilder/docker-squash#91",
        squashed,
        ((("stale-after-squash", LIKELY), (FILTER, MAYBE)),),
        says=("still lists 3 layers (positions 2–4)", "1 layer that nothing lists is in it"),
        codes=frozenset({"LK201"}),
    ),
    "F09 OCI half without layers": Case(
        "moby/moby#47065",
        lambda: hybrid(spec("hello", 1, manifest={"layers": []})),
        ((("faulty-oci-half", LIKELY),),),
        says=("manifest.json lists 1 layer", "lists no layer at all", "Docker 25.0"),
        codes=frozenset({"LK105"}),
    ),
    "F10 OCI half in another order": Case(
        "moby/moby#47150",
        nginx_shuffled,
        ((("faulty-oci-half", LIKELY),),),
        says=("manifest.json lists 7 layers", "in another order"),
        codes=frozenset({"LK105"}),
    ),
    "F11 LayerSources, sound": Case("google/go-containerregistry#1870", layer_sources, deep=True),
    "F12 nothing but the manifest saved": Case(
        "moby/moby#49473",
        manifest_blob_only,
        ((("manifest-only-store", SURE),),),
        says=("config and all 14 layers are absent", "manifest.json lists them"),
        codes=frozenset({"LK210"}),
    ),
    "F13 an index with more platforms": Case(
        "kubernetes-sigs/kind#3795",
        lambda: two_platforms(manifest=False),
        file=(("missing-platform", SURE),),
        says=("offers 2 platforms", "linux/arm64", "held linux/amd64 only"),
        codes=frozenset({"LK308"}),
    ),
    "F13 the other manifest is there": Case(
        "kubernetes-sigs/kind#4224",
        lambda: two_platforms(manifest=True),
        ((), (("missing-platform", SURE),)),
        says=("manifest for linux/arm64 is here", "its 3 layers are not"),
        codes=frozenset({"LK210"}),
    ),
    "F14 history too long": Case(
        "GoogleContainerTools/jib#991",
        history_17_of_which_5_empty,
        ((("history-unmarked", LIKELY),),),
        says=("tells of 12 layers in 17 entries", "the config promises 11", "1 entry claims a layer"),
        seen=("entry 12 sets metadata only",),
        codes=frozenset({"LK102"}),
    ),
    "F15 history too short": Case(
        "containers/olot#40",
        modelcar,
        ((("layers-without-history", LIKELY),),),
        says=("has 31 layers", "its history tells of 3", "appended 28 layers"),
        codes=frozenset({"LK103"}),
    ),
    "F16 no history, sound": Case(
        "opencontainers/distribution-spec#147",
        lambda: oci_layout(spec("zero", 1, config={"history": ABSENT})),
        deep=True,
    ),
    "F17 schema 1, six layers and five of history": Case(
        "distribution/distribution#2831",
        schema1_manifest,
        ((("schema1-counts", SURE),),),
        says=("6 fsLayers and 5 history entries",),
        codes=frozenset({"LK211"}),
    ),
    "F18 a repeated layer as symlink, sound": Case("regclient/regclient#451", repeated_as_symlink, deep=True),
    "F19 ./ before every name, sound": Case(
        "regclient/regclient#354",
        lambda: docker_archive(spec("dot", 4)).rename(lambda name: f"./{name}"),
        deep=True,
    ),
    "F20 two images share layers, sound": Case("apptainer/apptainer#277", two_images, ((), ()), deep=True),
    "F21 layer 5 of 6": Case(
        "docker/kitematic#4598",
        lambda: spoilt("kitematic", 5, 6),
        ((("corrupt-copy", LIKELY),),),
        says=("1 of 6 layers (position 5) has other bytes", "the biggest layer"),
        seen=("got sha256:",),
        codes=frozenset({"LK202"}),
        deep=True,
    ),
    "F21 layer 10 of 11": Case(
        "gongbell/ContractFuzzer#7",
        lambda: spoilt("fuzzer", 10, 11),
        ((("corrupt-copy", LIKELY),),),
        says=("1 of 11 layers (position 10)",),
        codes=frozenset({"LK202"}),
        deep=True,
    ),
    "F22 a layer of no bytes": Case(
        "moby/moby#50658",
        lambda: docker_archive(spec("arm32", 1, stored={0: b""})),
        ((("empty-file", LIKELY),),),
        says=("1 layer (position 0) has a file of 0 bytes",),
        seen=("e3b0c44298fc",),
        codes=frozenset({"LK209"}),
    ),
    "F23 zstd in a docker-archive": Case(
        "containers/skopeo#2422",
        lambda: docker_archive(spec("zstd", 1, compression="zstd")),
        ((("compression-unsupported", MAYBE),),),
        says=("1 of 1 layer is packed with zstd", "Docker before 23.0"),
        codes=frozenset({"LK404"}),
    ),
    "F24 OCI without manifest.json, sound": Case(
        "google/go-containerregistry#2109", lambda: oci_layout(spec("apko", 1, compression="gzip")), deep=True
    ),
    "F25 PowerShell redirect": Case(
        "gongbell/ContractFuzzer#5",
        lambda: utf16_redirect(bytes(docker_archive(spec("ps", 2)))),
        (),
        (("utf16-redirect", SURE),),
        says=("UTF-16", "PowerShell"),
        seen=("ff fe",),
        codes=frozenset({"LK304"}),
    ),
    "F26 two manifest.json": Case(
        "docker-image-diff 0.1.0, merge",
        merged,
        file=(("concatenated-archives", SURE),),
        says=("manifest.json is in the file 2 times", "the last one", "the first"),
        seen=("1 of 2: 3 layers, demo:old", "2 of 2: 4 layers, demo:new"),
        codes=frozenset({"LK302"}),
        deep=True,
    ),
    "F27 the base, one layer higher": Case(
        "transport-docker-image 0.3.3",
        listed_and_not_stored,
        ((("wrong-base", SURE), (FILTER, SURE)),),
        says=("The target holds 11 layers", "same diff IDs, other chain"),
        codes=frozenset({"LK201"}),
        held=shifted_base,
    ),
    "F28 a gzip base below plain layers": Case(
        "seen with ctr 1.6; as moby/moby#49473",
        lambda: oci_layout(spec("f28", 36, stored=without(*BASE11))),
        ((("incomplete-content", LIKELY),),),
        says=("files of 11 layers (positions 0–10)", "neither saved nor pushed"),
        held=gzip_base,
    ),
    "F29 two compressions, one fetched": Case(
        "containerd/containerd#14000",
        two_compressions,
        ((), (("variant-not-fetched", LIKELY),)),
        says=("Two manifests share one config", "none of 3 layers", "zstd"),
        codes=frozenset({"LK201"}),
    ),
    "F30 a build cache": Case(
        "brian7989/posse_party#27",
        lambda: build_cache(spec("cache", 5, compression="gzip")),
        ((("build-cache", SURE),),),
        says=("BuildKit's build cache, not an image", "5 layers stand against 0 diff IDs"),
        codes=frozenset({"LK304"}),
    ),
}


@pytest.fixture(params=list(CASES.values()), ids=list(CASES))
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = request.param
    return found


@pytest.fixture
def path(case: Case, tmp_path: Path) -> Path:
    file = tmp_path / "export.tar"
    file.write_bytes(bytes(case.archive()))
    return file


def ids(causes: tuple[Cause, ...]) -> tuple[Found, ...]:
    return tuple((cause.id, cause.confidence) for cause in causes)


def test_the_mechanism_is_named(case: Case, path: Path) -> None:
    whole, images = find_causes(read_frames(path, deep=case.deep, held=case.held()))
    assert ids(whole) == case.file
    assert tuple(map(ids, images)) == case.images
    causes = [*whole, *(cause for image in images for cause in image)]
    for text in case.says:
        assert text in causes[0].message
    for text in case.seen:
        assert text in "\n".join(causes[0].evidence)
    for cause in causes:
        assert cause.evidence
        assert cause.fix
        assert cause.message.endswith(".")


def test_the_rules_agree(case: Case, path: Path) -> None:
    report = diagnose(path, deep=case.deep, held=case.held())
    codes = {finding.code for finding in report.findings}
    errors = {finding.code for finding in report.findings if finding.severity == "error"}
    if case.codes is None:
        assert not errors
    else:
        assert case.codes <= codes


def test_deep_reading_changes_no_verdict_into_its_opposite(case: Case, path: Path) -> None:
    """What was named from headers alone is still named when the bytes have been read."""
    shallow = find_causes(read_frames(path, held=case.held()))
    deep = find_causes(read_frames(path, deep=True, held=case.held()))
    for before, after in zip([shallow[0], *shallow[1]], [deep[0], *deep[1]], strict=True):
        assert {cause.id for cause in before if cause.confidence == "certain"} <= {cause.id for cause in after}


def test_all_thirty_are_here() -> None:
    assert {name[:3] for name in CASES} == {f"F{number:02d}" for number in range(1, 31)}
