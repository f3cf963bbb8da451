"""The fixtures over the context managers of this package; the table is in the package's docstring."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.services.browser import need_chromium
from tests.services.build import REFERENCE_CLASSIC, BuiltImage, build_image
from tests.services.containerd import Ctr, run_containerd
from tests.services.docker import Docker, run_docker
from tests.services.registry import Registry, run_registry
from tests.services.tools import Buildah, Podman, Skopeo, run_buildah, run_podman, run_skopeo


@pytest.fixture(scope="session")
def docker20_daemon() -> Iterator[Docker]:
    with run_docker("20.10") as docker:
        yield docker


@pytest.fixture(scope="session")
def docker26_daemon() -> Iterator[Docker]:
    with run_docker("26.1") as docker:
        yield docker


@pytest.fixture(scope="session")
def docker26c_daemon() -> Iterator[Docker]:
    with run_docker("26.1", containerd_store=True) as docker:
        yield docker


@pytest.fixture(scope="session")
def podman_storage() -> Iterator[Podman]:
    with run_podman() as podman:
        yield podman


@pytest.fixture(scope="session")
def buildah_storage() -> Iterator[Buildah]:
    with run_buildah() as buildah:
        yield buildah


@pytest.fixture(scope="session")
def ctr_daemon() -> Iterator[Ctr]:
    with run_containerd() as ctr:
        yield ctr


@pytest.fixture
def docker20(docker20_daemon: Docker) -> Docker:
    docker20_daemon.clear()
    return docker20_daemon


@pytest.fixture
def docker26(docker26_daemon: Docker) -> Docker:
    docker26_daemon.clear()
    return docker26_daemon


@pytest.fixture
def docker26c(docker26c_daemon: Docker) -> Docker:
    docker26c_daemon.clear()
    return docker26c_daemon


@pytest.fixture
def podman(podman_storage: Podman) -> Podman:
    podman_storage.clear()
    return podman_storage


@pytest.fixture
def buildah(buildah_storage: Buildah) -> Buildah:
    buildah_storage.clear()
    return buildah_storage


@pytest.fixture
def ctr(ctr_daemon: Ctr) -> Ctr:
    ctr_daemon.clear()
    return ctr_daemon


@pytest.fixture(scope="session")
def skopeo() -> Iterator[Skopeo]:
    with run_skopeo() as program:
        yield program


@pytest.fixture(scope="session")
def registry() -> Iterator[Registry]:
    with run_registry() as plain:
        yield plain


@pytest.fixture(scope="session")
def chromium() -> str:
    return need_chromium()


@pytest.fixture(scope="session")
def built_image(docker20_daemon: Docker, tmp_path_factory: pytest.TempPathFactory) -> BuiltImage:
    return build_image(docker20_daemon, tmp_path_factory.mktemp("built"))


@pytest.fixture(scope="session")
def built_image_classic(docker20_daemon: Docker, tmp_path_factory: pytest.TempPathFactory) -> BuiltImage:
    folder = tmp_path_factory.mktemp("built-classic")
    return build_image(docker20_daemon, folder, reference=REFERENCE_CLASSIC, buildkit=False)
