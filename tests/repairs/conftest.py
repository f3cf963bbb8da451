"""The runtimes that repaired archives are loaded into, and a store of one's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from layerkit.store import Store
from tests.hosts.conftest import docker20_machine
from tests.test_export_loads import runtime

__all__ = ["docker20_machine", "runtime"]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")
