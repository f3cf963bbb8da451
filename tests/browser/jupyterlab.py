"""One real JupyterLab on the loopback, with folders of its own, stopped by its pid."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from layerkit.samples import notebooks_dir
from tests.services.process import daemon, free_port, listens, private_root, unavailable

_SETTINGS = {
    "notification": {"fetchNews": "false", "checkForUpdates": False},
    "themes": {"theme": "JupyterLab Light", "theme-scrollbars": False},
}


@dataclass(frozen=True)
class Lab:
    """`folder` is what it serves, a copy of notebooks/; the token goes through the environment, into no log."""

    port: int
    folder: Path
    settings: Path
    token: str = field(repr=False)

    @property
    def home(self) -> Path:
        """The home folder of its kernels."""
        return self.folder.parent

    def url(self, notebook: str) -> str:
        # `reset` forgets the tabs of an earlier visit.
        return f"http://127.0.0.1:{self.port}/lab/tree/{notebook}?reset&token={self.token}"

    def use_theme(self, name: str) -> None:
        """ "JupyterLab Light" or "JupyterLab Dark", for pages opened from now on."""
        _write(self.settings, "themes", {**_SETTINGS["themes"], "theme": name})


@contextlib.contextmanager
def run_lab() -> Iterator[Lab]:
    """Start JupyterLab and wait until it answers."""
    program = shutil.which("jupyter-lab", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if program is None:
        unavailable("JupyterLab is not installed (pip install 'layerkit[lab]')")
    with private_root("lab") as root:
        folder, settings = root / "notebooks", root / "settings" / "@jupyterlab" / "apputils-extension"
        shutil.copytree(notebooks_dir(), folder, ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
        settings.mkdir(parents=True)
        for name, values in _SETTINGS.items():
            _write(settings, name, values)
        lab = Lab(free_port(), folder, settings, secrets.token_hex(16))
        arguments = [
            program,
            "--no-browser",
            "--allow-root",
            "--ServerApp.ip=127.0.0.1",
            f"--ServerApp.port={lab.port}",
            "--ServerApp.port_retries=0",
            f"--ServerApp.root_dir={folder}",
            f"--LabApp.user_settings_dir={root / 'settings'}",
            f"--LabApp.workspaces_dir={root / 'workspaces'}",
        ]
        env = {name: str(root / name.lower()) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR")}
        env |= {"JUPYTER_RUNTIME_DIR": str(root / "runtime"), "HOME": str(root), "JUPYTER_TOKEN": lab.token}
        env |= {"JUPYTER_PREFER_ENV_PATH": "1", "PYTHONWARNINGS": "default"}
        with daemon(arguments, log=root / "lab.log", ready=lambda: listens(lab.port), env=env, timeout=90):
            yield lab


def _write(folder: Path, name: str, values: dict[str, object]) -> None:
    (folder / f"{name}.jupyterlab-settings").write_text(json.dumps(values))
