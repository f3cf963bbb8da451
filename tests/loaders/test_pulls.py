"""Pulls from a registry: the models agree with what sixteen real programs did with each of 24 images.

tests/data/pulls.json holds what they returned and printed; the registry here serves the same defects.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from layerkit import diagnose
from layerkit.errors import UsageError
from layerkit.frames import Frames, read_frames
from layerkit.inventory import Inventory
from layerkit.loaders import LOADERS, find, predict, pulls
from layerkit.loaders.model import Loader
from layerkit.verdict import Verdict
from tests.faulty_registry import FaultyRegistry, run_faulty_registry
from tests.images import ABSENT, Spec, pack, sha256, stack, steps
from tests.images.build import OCI_LAYER, OCI_MANIFEST

from .test_observations import PROGRAMS, normalise

SEEN: Mapping[str, Mapping[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "data/pulls.json").read_text(encoding="utf-8")
)["cases"]
GZIP = f"{OCI_LAYER}+gzip"
DOCKER_GZIP = "application/vnd.docker.image.rootfs.diff.tar.gzip"

UNREAD = {"p-manifest-missing": "the registry has no such image, so that there is nothing to diagnose"}
"""Cases without a verdict."""
EXCEPTIONS: Mapping[tuple[str, str], str] = {
    ("p-manifest-corrupt", "*"): "how the manifest was altered is not recorded, only that its digest is another one",
    ("p-os-windows", "pod4"): "a warning about the platform is not part of a verdict",
    ("p-os-windows", "pod54"): "a warning about the platform is not part of a verdict",
    ("p-os-windows", "pod58"): "a warning about the platform is not part of a verdict",
    ("p-multi-without-wanted", "d29c"): "names the exact level of the machine's processor (linux/amd64/v4)",
}
"""Texts that are known to differ, by case and program, each with its reason."""


def pull(loader: Loader, frames: Frames) -> Verdict:
    verdict = pulls.pull(loader, frames)
    assert verdict is not None
    return verdict


def spec(name: str, count: int = 3, **knobs: Any) -> Spec:
    return Spec(**{"layers": stack(name, range(count)), "compression": "gzip", "tags": (f"{name}:t",), **knobs})


def claim(**claims: Any) -> Callable[[str], Spec]:
    return lambda name: spec(name, config=claims)


def size(key: str) -> Callable[[str], Spec]:
    def one(name: str) -> Spec:
        def change(found: Any) -> Any:
            if key == "config":
                return {**found, "size": found["size"] + 7}
            return [found[0], {**found[1], "size": found[1]["size"] + 7}, *found[2:]]

        return spec(name, manifest={key: change})

    return one


SPECS: Mapping[str, Callable[[str], Spec]] = {
    "p-good": spec,
    "p-layer-missing": lambda name: spec(name, stored={1: None}),
    "p-config-missing": lambda name: spec(name, stored={"config": None}),
    "p-count-manifest-more": lambda name: spec(name, 4, diff_ids=spec(name, 4).true_diff_ids[:3]),
    "p-count-manifest-fewer": lambda name: spec(name, diff_ids=spec(name, 4).true_diff_ids),
    "p-diffid-mismatch": lambda name: spec(
        name, diff_ids=(spec(name).true_diff_ids[0], sha256(b"x"), spec(name).true_diff_ids[2])
    ),
    "p-zero-diffids": lambda name: spec(name, diff_ids=()),
    "p-rootfs-missing": claim(rootfs=ABSENT),
    "p-history-more": claim(history=steps("h0", "h1", "h2", "h3", "h4")),
    "p-history-fewer": claim(history=steps("h0")),
    "p-config-notjson": lambda name: spec(name, config_bytes=b"not json"),
    "p-uncompressed": lambda name: spec(name, compression="plain"),
    "p-zstd": lambda name: spec(name, compression="zstd"),
    "p-zstd-labelled-gzip": lambda name: spec(name, compression="zstd", media_types=GZIP),
    "p-gzip-labelled-plain": lambda name: spec(name, media_types=OCI_LAYER),
    "p-plain-labelled-gzip": lambda name: spec(name, compression="plain", media_types=GZIP),
    "p-docker-types": lambda name: spec(name, media_types=DOCKER_GZIP),
    "p-os-windows": claim(os="windows"),
    "p-layer-size-wrong": size("layers"),
    "p-config-size-wrong": size("config"),
    "p-attestation-nested": spec,
    "p-multi-without-wanted": claim(architecture="s390x"),
}


def publish(registry: FaultyRegistry, name: str, made: Spec) -> None:
    """Serve one image, what `made` stores for a layer or the config instead of it, or without it."""
    config, blobs = made.config_json, made.blobs
    keyed: list[tuple[int | str, bytes]] = [*enumerate(blobs), ("config", config)]
    for key, data in keyed:
        stored = made.stored.get(key, data)
        digest = registry.add_blob(data)
        if stored is None:
            del registry.blobs[digest]
        elif stored is not data:
            registry.blobs[digest] = stored(data) if callable(stored) else stored
    digest = registry.add_manifest(name, "t", made.manifest_json, OCI_MANIFEST)
    if name == "p-multi-without-wanted":
        registry.add_index(name, "t", [(digest, "linux/s390x"), (digest, "linux/arm64")])
    if name == "p-attestation-nested":
        registry.add_index(name, "t", [(digest, "linux/amd64"), (digest, "unknown/unknown")])


@pytest.fixture(scope="module")
def served() -> Iterator[FaultyRegistry]:
    with run_faulty_registry() as registry:
        for name, make in SPECS.items():
            publish(registry, name, make(name))
        yield registry


@pytest.fixture(scope="module")
def frames(served: FaultyRegistry) -> Mapping[str, Frames]:
    return {name: read(served, name) for name in SPECS}


def read(registry: FaultyRegistry, name: str, *, deep: bool = True) -> Frames:
    held = Inventory(platform="linux/amd64")
    platform = "all" if "multi" in name else "linux/amd64"
    return read_frames(f"docker://{registry.address}/{name}:t", deep=deep, held=held, platform=platform, insecure=True)


def test_every_case_is_served_or_has_its_reason() -> None:
    explained = UNREAD.keys() | {case for case, column in EXCEPTIONS if column == "*"}
    assert SEEN.keys() == SPECS.keys() | explained


@pytest.mark.parametrize("column", PROGRAMS)
def test_exit_codes(column: str, frames: Mapping[str, Frames]) -> None:
    loader = find(PROGRAMS[column])
    differing = {
        case: (SEEN[case][column]["exit"], verdict.exit_code, verdict.message)
        for case in SPECS
        if (verdict := pull(loader, frames[case])).exit_code != SEEN[case][column]["exit"]
    }
    assert differing == {}


@pytest.mark.parametrize("column", [column for column in PROGRAMS if column != "crane"])
def test_texts(column: str, frames: Mapping[str, Frames], served: FaultyRegistry, tell: Callable[[str], None]) -> None:
    loader = find(PROGRAMS[column])
    differing = {}
    for case in SPECS:
        seen = plain(SEEN[case][column]["text"])
        found = plain(pull(loader, frames[case]).message.replace(served.address, "HOST"))
        if seen != found:
            differing[case] = (seen, found)
    tell(f"{loader.full_name}: {len(SPECS) - len(differing)} of {len(SPECS)} pulls as observed")
    assert {case: pair for case, pair in differing.items() if (case, column) not in EXCEPTIONS} == {}


def plain(text: str) -> str:
    text = re.sub(r"127\.0\.0\.1:\d+", "HOST", normalise(text))
    text = re.sub(r"(?<=\bto )(?:native|overlayfs)\b|(?<=on snapshotter )(?:native|overlayfs)", "SNAPSHOTTER", text)
    text = re.sub(r"mount callback failed on \S+ ", "", text)
    return re.sub(r"\d+(?= bytes| but|$)|(?<=got )\d+|(?<=expected )\d+", "N", text)


@pytest.mark.parametrize("column", PROGRAMS)
def test_what_is_altered_is_refused(column: str, served: FaultyRegistry) -> None:
    """Every client verifies blobs by their digests."""
    loader = find(PROGRAMS[column])
    for key, name in ((1, "altered-layer"), ("config", "altered-config")):
        wrong = pack(stack("another")[0], "gzip") if key == 1 else None
        made = spec(name)
        stored = wrong or made.config_json.replace(b"amd64", b"amd65")
        publish(served, name, replace(made, stored={key: stored}))
        verdict = pull(loader, read(served, name))
        assert (verdict.loads, verdict.silent) == (False, False), (name, verdict)
        assert verdict.exit_code != 0


def test_silence_is_told(frames: Mapping[str, Frames]) -> None:
    """podman takes fewer layers than the config promises without a word; crane whatever is there."""
    for name in ("podman@5.8", "podman@4.3", "skopeo@1.22", "crane@0.21"):
        verdict = pull(find(name), frames["p-count-manifest-fewer"])
        assert (verdict.exit_code, verdict.loads, verdict.silent) == (0, False, True), name
    assert pull(find("containerd@2.4"), frames["p-multi-without-wanted"]).silent


def test_a_shallow_look_says_what_it_takes_for_granted(served: FaultyRegistry) -> None:
    verdict = pull(find("docker-classic"), read(served, "p-diffid-mismatch", deep=False))
    assert verdict.loads is True
    assert "--deep" in verdict.assumes
    assert "pull" in verdict.assumes


def test_a_diagnosis_of_a_registry_has_verdicts(served: FaultyRegistry) -> None:
    target = f"docker://{served.address}/p-count-manifest-fewer:t"
    options: dict[str, Any] = {"insecure": True, "platform": "linux/amd64"}
    report = diagnose(target, loaders=["docker-classic@28.5"], **options)
    assert [v.message for v in report.verdicts] == ["layers from manifest don't match image configuration"]
    assert "layers from manifest" in report.render("text")
    sound = diagnose(f"docker://{served.address}/p-good:t", **options)
    assert all(verdict.loads is True for verdict in sound.verdicts)
    assert len(list(predict(sound.frames, [loader.full_name for loader in LOADERS]))) == len(LOADERS)


def test_a_program_whose_pull_is_unknown_has_no_verdict(frames: Mapping[str, Frames]) -> None:
    assert pulls.pull(replace(find("crane"), name="other"), frames["p-good"]) is None
    with pytest.raises(UsageError, match="not in a registry"):
        pulls.pull(find("crane"), read_frames(Path(__file__).parents[2] / "data/sound-docker.tar"))
