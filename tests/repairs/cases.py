"""Every broken export of data/ and of tests/test_real_cases.py: what a repair makes of it, alone and with help.

`alone` is what becomes of it with nothing but the file: the repairs, or the reason against it. `whole` builds the image
as it was before it broke, the source that --from names; where it is given, the repair has to lead back to it.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from layerkit.errors import FormatError, IntegrityError, LayerkitError, UsageError
from tests.images import Spec, Tar, docker_archive, hybrid, oci_layout
from tests.test_real_cases import CASES, layer, spec

DATA = Path(__file__).parents[2] / "data"


@dataclass(frozen=True)
class Refusal:
    """The error of a repair that cannot be done, and parts of what it says."""

    error: type[LayerkitError]
    says: tuple[str, ...]


def lacks(count: int, of: int, *more: str) -> Refusal:
    verb = "is" if count == 1 else "are"
    return Refusal(
        IntegrityError, (f"{count} of {of} layers {verb} nowhere to be found", "sha256:", "the store", *more)
    )


@dataclass(frozen=True)
class Expected:
    """`with_help` are the repairs once the whole image is named, `unsafe` those where the image ID may change.

    `leaves` are the findings about the repaired file, all of them warnings.
    """

    alone: frozenset[str] | Refusal
    whole: Callable[[], Tar | bytes] | None = None
    with_help: frozenset[str] = frozenset()
    delta: bool = False
    unsafe: frozenset[str] = frozenset()
    leaves: frozenset[str] = frozenset()


def does(*ids: str) -> frozenset[str]:
    return frozenset(ids)


@cache
def make() -> Any:
    """data/make.py, which holds the images that the samples were before they broke."""
    found = importlib.util.spec_from_file_location("data_make", DATA / "make.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    sys.modules["data_make"] = module
    found.loader.exec_module(module)
    return module


def sample(name: str) -> Callable[[], bytes]:
    return lambda: bytes(make().tar(make().docker(getattr(make(), name), getattr(make(), name).folders)))


OCI, DOCKER = "rebuild-oci", "rebuild-docker"
FILL = does("fill-layers", OCI)
NEVER = "What the shell changed cannot be told"
# Every runtime takes a history that is too short as it is; only a new config, and so a new image ID, could mend it.
SHORT = Expected(does(OCI), unsafe=does("extend-history", OCI), leaves=does("LK103"))

EXPECTED: Mapping[str, Expected] = {
    "F01 an exporter trims the list": Expected(
        lacks(11, 36, "--as-delta"), lambda: docker_archive(spec("f1", 36)), FILL, delta=True
    ),
    "F02 then it lists all and stores 25": Expected(
        lacks(11, 36), lambda: docker_archive(spec("f2", 36)), FILL, delta=True
    ),
    "F03 redis 8.0.3, sound": Expected(does(OCI)),
    "F04 empty layers of a schema 1 base": Expected(does("drop-surplus", OCI)),
    "F05 own layer only, all listed": Expected(
        lacks(2, 3), lambda: docker_archive(spec("debian", 3)), FILL, delta=True
    ),
    "F05 own layer only, one listed": Expected(
        lacks(2, 3), lambda: oci_layout(spec("debian", 3, compression="gzip")), FILL, delta=True
    ),
    "F06 an empty path for the base": Expected(
        lacks(1, 3), lambda: hybrid(spec("ubi8", 3, compression="gzip")), FILL, delta=True
    ),
    "F07 last layer kept": Expected(lacks(2, 3), lambda: docker_archive(spec("last", 3)), FILL, delta=True),
    "F08 squashed layers still listed": Expected(
        lacks(3, 5, "position 2 ", "position 4 "), lambda: docker_archive(spec("squash", 5)), FILL
    ),
    "F09 OCI half without layers": Expected(does(OCI)),
    "F10 OCI half in another order": Expected(does(OCI)),
    "F11 LayerSources, sound": Expected(does()),
    "F12 nothing but the manifest saved": Expected(
        Refusal(IntegrityError, ("its config, which is sha256:", "nowhere to be found", "the store")),
        lambda: hybrid(spec("operator", 14, compression="gzip")),
        does("find-config", "fill-layers"),
    ),
    "F13 an index with more platforms": Expected(does("drop-platforms", DOCKER)),
    "F13 the other manifest is there": Expected(does("drop-platforms", DOCKER)),
    "F14 history too long": Expected(
        Refusal(UsageError, ("mark history entries", "the image ID changes", "becomes sha256:")),
        unsafe=does("mark-history", OCI),
    ),
    "F15 history too short": SHORT,
    "F16 no history, sound": Expected(does(DOCKER)),
    "F17 schema 1, six layers and five of history": Expected(
        Refusal(IntegrityError, ("its config is nowhere to be found", "schema 1"))
    ),
    "F18 a repeated layer as symlink, sound": Expected(does(OCI)),
    "F19 ./ before every name, sound": Expected(does(OCI)),
    "F20 two images share layers, sound": Expected(does(OCI)),
    "F21 layer 5 of 6": Expected(
        lacks(1, 6, "position 5 ", "its file holds sha256:"),
        lambda: docker_archive(Spec(tuple(layer("kitematic", n, 20_000 if n == 5 else 1500) for n in range(6)))),
        does("replace-layers", OCI),
    ),
    "F21 layer 10 of 11": Expected(
        lacks(1, 11, "position 10 ", "its file holds sha256:"),
        lambda: oci_layout(Spec(tuple(layer("fuzzer", n, 20_000 if n == 10 else 1500) for n in range(11)))),
        does("replace-layers", OCI),
    ),
    "F22 a layer of no bytes": Expected(
        lacks(1, 1, "its file is empty"), lambda: docker_archive(spec("arm32", 1)), does("replace-layers", OCI)
    ),
    "F23 zstd in a docker-archive": Expected(does("repack-layers", OCI)),
    "F24 OCI without manifest.json, sound": Expected(does(DOCKER)),
    "F25 PowerShell redirect": Expected(Refusal(FormatError, ("UTF-16", NEVER))),
    "F26 two manifest.json": Expected(does("merge-manifests", OCI)),
    "F27 the base, one layer higher": Expected(lacks(11, 36), lambda: docker_archive(spec("f2", 36)), FILL, delta=True),
    "F28 a gzip base below plain layers": Expected(
        lacks(11, 36),
        lambda: oci_layout(spec("f28", 36, compression="gzip")),
        does("fill-layers", DOCKER, OCI),
        delta=True,
    ),
    "F29 two compressions, one fetched": Expected(does("join-images", DOCKER)),
    "F30 a build cache": Expected(Refusal(FormatError, ("build cache",))),
    "build-cache.tar": Expected(Refusal(FormatError, ("build cache",))),
    "deduplicated.tar": Expected(does("list-layers", OCI)),
    "full-list-files-absent.tar": Expected(lacks(11, 36), sample("FULL"), FILL, delta=True),
    "history-too-long.tar": Expected(
        Refusal(UsageError, ("mark history entries", "the image ID changes")), unsafe=does("mark-history", OCI)
    ),
    "history-too-short.tar": SHORT,
    "legacy-v1.tar": Expected(Refusal(FormatError, ("legacy v1", "Docker 28"))),
    "platform-absent.tar": Expected(does("drop-platforms", DOCKER)),
    "rootfs-export.tar": Expected(Refusal(FormatError, ("docker export",))),
    "shop-oci": Expected(does(DOCKER)),
    "sound-docker.tar": Expected(does(OCI)),
    "sound-hybrid.tar": Expected(does()),
    "sound-oci.tar": Expected(does(DOCKER)),
    "sound-workdir.tar": Expected(does(OCI)),
    "surplus-layers.tar": Expected(does("drop-surplus", OCI)),
    "swapped-order.tar": Expected(does("order-layers", OCI)),
    "trimmed-25-of-36.tar": Expected(lacks(11, 36, "--as-delta"), sample("FULL"), FILL, delta=True),
    "truncated.tar": Expected(
        Refusal(IntegrityError, ("no manifest and no image config", "cut short", "of 3072 bytes")),
        sample("FULL"),
        does("rebuild-list", OCI, "fill-layers", "list-layers", "close-archive"),
    ),
    "two-images.tar": Expected(does(OCI)),
    "two-manifests.tar": Expected(does("merge-manifests", OCI)),
    "utf16-redirect.tar": Expected(Refusal(FormatError, ("UTF-16", NEVER))),
    "wrong-bytes.tar": Expected(
        lacks(1, 6, "position 3 ", "its file holds"), sample("SMALL"), does("replace-layers", OCI)
    ),
}


def write(name: str, folder: Path) -> Path:
    """The broken file of that name."""
    if name not in CASES:
        return DATA / name
    path = folder / "broken.tar"
    path.write_bytes(bytes(CASES[name].archive()))
    return path


def write_whole(name: str, folder: Path) -> Path | None:
    """The image as it was, if the case says."""
    whole = EXPECTED[name].whole
    if whole is None:
        return None
    path = folder / "whole.tar"
    path.write_bytes(bytes(whole()))
    return path
