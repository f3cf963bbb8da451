"""A host as the place that missing layers come from."""

from __future__ import annotations

from pathlib import Path

import pytest

from layerkit import diagnose, open_image
from layerkit.errors import IntegrityError
from layerkit.repairs import repair
from layerkit.store import Store
from tests.hosts.machines import Machine, write_config
from tests.images import docker_archive
from tests.test_export_loads import files
from tests.test_real_cases import spec

pytestmark = [pytest.mark.services, pytest.mark.slow]

NAME = "registry.example/shop/app:1.0"


@pytest.fixture
def docker20_machine(docker20_machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Docker behind its sshd, emptied; `box` in ~/.ssh/config leads to it."""
    docker20_machine.service.clear()
    (tmp_path / "home" / ".ssh").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    write_config(tmp_path / "home" / ".ssh" / "config", docker20_machine.sshd)
    return docker20_machine


@pytest.mark.parametrize("listed", [36, 25])
def test_missing_layers_come_from_the_image_on_a_host(
    listed: int, docker20_machine: Machine, tmp_path: Path, store: Store
) -> None:
    docker, whole = docker20_machine.service, spec("host", 36)
    docker.load(docker_archive(whole).write(tmp_path / "whole.tar")).expect()
    docker.create_and_export(NAME, tmp_path / "before").expect()
    gone = dict.fromkeys(range(11))
    broken = docker_archive(spec("host", 36, stored=gone, entry={"Layers": lambda n: n[-listed:]})).write(
        tmp_path / "broken.tar"
    )
    fixed = tmp_path / "fixed.tar"
    with pytest.raises(IntegrityError, match="11 of 36 layers"):
        repair(broken, fixed, store=store)
    done = repair(broken, fixed, sources=[f"ssh://box/{NAME}"], store=store)
    assert {change.id for change in done.plan.changes} == {"fill-layers", "rebuild-oci"}
    assert not diagnose(fixed, deep=True).findings
    assert open_image(fixed).config.raw == whole.config_json
    docker.clear()
    docker.load(fixed).expect()
    docker.create_and_export(NAME, tmp_path / "after").expect()
    assert files(tmp_path / "after") == files(tmp_path / "before")


def test_an_image_on_a_host_that_lacks_them_too(docker20_machine: Machine, tmp_path: Path, store: Store) -> None:
    other = docker_archive(spec("other", 3)).write(tmp_path / "other.tar")
    docker20_machine.service.load(other).expect()
    broken = docker_archive(spec("host", 3, stored={0: None})).write(tmp_path / "broken.tar")
    with pytest.raises(IntegrityError, match="1 of 3 layers is nowhere to be found") as refused:
        repair(broken, tmp_path / "fixed.tar", sources=[f"ssh://box/{NAME}"], store=store)
    assert f"ssh://box/{NAME}" in f"{refused.value} {refused.value.hint}"
    assert not (tmp_path / "fixed.tar").exists()
