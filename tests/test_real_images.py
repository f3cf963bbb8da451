"""Images built by the real dockerd and saved by real tools are sound, and counted as Docker counts them."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import pytest

from layerkit.diagnosis import diagnose
from tests.services.build import BuiltImage
from tests.services.docker import Docker
from tests.services.process import Outcome
from tests.services.tools import Buildah, Podman, Skopeo

pytestmark = [pytest.mark.services, pytest.mark.slow]

ALLOWED = frozenset({"LK311", "LK302"})
"""What may be said of a sound archive, as an info and no more: layers that `docker save` of before 25.0 stores as links
to equal ones."""


class Loads(Protocol):
    def load(self, archive: Path) -> Outcome: ...


def check(target: str | Path, built: BuiltImage, *, images: int = 1) -> None:
    for deep in (False, True):
        report = diagnose(target, deep=deep)
        told = [(f.code, f.severity, f.message) for f in report.findings]
        assert report.outcome == "sound", told
        assert {f.severity for f in report.findings} <= {"info"}, told
        assert {f.code for f in report.findings} <= ALLOWED, told
        assert len(report.images) == images
        alignment = report.images[0].alignment
        counts = alignment.counts
        assert counts["manifest_layers"] == counts["diff_ids"] == counts["members_present"] == len(built.diff_ids)
        assert list(alignment.config.diff_ids) == built.diff_ids
        assert counts["history"] == len(built.history)
        assert {layer.state for layer in alignment.layers} == {"ok"}
        if deep:
            assert [str(layer.measured.diff_id) for layer in alignment.layers if layer.measured] == built.diff_ids


@pytest.fixture(params=["buildkit", "classic"])
def built(request: pytest.FixtureRequest) -> BuiltImage:
    name = "built_image" if request.param == "buildkit" else "built_image_classic"
    image: BuiltImage = request.getfixturevalue(name)
    return image


def test_saved_by_the_docker_that_built_it(built: BuiltImage) -> None:
    check(built.archive, built)


@pytest.mark.parametrize("name", ["docker20", "docker26", "docker26c"])
def test_saved_by_docker(name: str, built: BuiltImage, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    docker: Docker = request.getfixturevalue(name)
    docker.load(built.archive).expect()
    docker.save(tmp_path / "x.tar", built.reference).expect()
    check(tmp_path / "x.tar", built)
    assert docker.inspect(built.reference)["RootFS"]["Layers"] == built.diff_ids


@pytest.mark.parametrize("form", ["docker-archive", "oci-archive"])
def test_saved_by_podman(form: str, built: BuiltImage, podman: Podman, tmp_path: Path) -> None:
    podman.load(built.archive).expect()
    podman.run("save", "--format", form, "-o", str(tmp_path / "x.tar"), built.reference).expect()
    check(tmp_path / "x.tar", built)


@pytest.mark.parametrize("form", ["docker-archive", "oci-archive"])
def test_saved_by_buildah(form: str, built: BuiltImage, buildah: Buildah, tmp_path: Path) -> None:
    buildah.load(built.archive).expect()
    buildah.save(tmp_path / "x.tar", buildah.images()[0], transport=form).expect()
    check(tmp_path / "x.tar", built)


@pytest.mark.parametrize("form", ["docker-archive", "oci-archive", "oci"])
def test_copied_by_skopeo(form: str, built: BuiltImage, skopeo: Skopeo, tmp_path: Path) -> None:
    skopeo.copy(f"docker-archive:{built.archive}", f"{form}:{tmp_path / 'x'}:{built.reference}").expect()
    check(tmp_path / "x", built)


def test_through_a_pipe(built: BuiltImage) -> None:
    from layerkit.sources import open_stream

    with built.archive.open("rb") as stream:
        report = diagnose(open_stream(stream, "stdin", deep=True), deep=True)
    assert report.outcome == "sound"
    assert {layer.state for layer in report.images[0].alignment.layers} == {"ok"}
