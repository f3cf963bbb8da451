"""The machines of tests/hosts, and images that are shipped to them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from layerkit.hosts import Reaching
from layerkit.store import Store
from tests.hosts.conftest import (
    ctr_machine,
    docker20_machine,
    docker26_machine,
    docker26c_machine,
    machine,
    podman_machine,
)
from tests.hosts.machines import Machine, nobody
from tests.test_export_loads import expected

__all__ = [
    "ctr_machine",
    "docker20_machine",
    "docker26_machine",
    "docker26c_machine",
    "expected",
    "machine",
    "podman_machine",
]


def reach(machine: Machine, config: Path | None = None) -> Reaching:
    """How to get to the runtime behind a machine's alias `box`."""
    options: dict[str, Any] = {"ask": nobody, **(machine.options or {}), "config": config or machine.config}
    return cast("Reaching", options)


@pytest.fixture(autouse=True)
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The ship log, never the user's own."""
    monkeypatch.setenv("LAYERKIT_LOG", str(tmp_path / "shipments"))
    return tmp_path / "shipments"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")
