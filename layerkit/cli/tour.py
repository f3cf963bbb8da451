"""`layerkit demo` and `layerkit lab`: the main job on a sample, and the notebooks."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import typer

from ..errors import UsageError

SAMPLE = "trimmed-25-of-36.tar"


def register(app: typer.Typer) -> None:
    app.command(rich_help_panel="Start here")(demo)
    app.command(rich_help_panel="Start here")(lab)


def demo() -> None:
    """Diagnose a sample that `docker load` refuses with "expected 25, got 36", and write its HTML report."""
    from ..diagnosis import diagnose
    from ..samples import data_dir

    archive = data_dir() / SAMPLE
    short = _short(archive)
    typer.echo(f"$ layerkit diagnose {short}\n")
    report = diagnose(short)
    report.show()
    page = archive.with_suffix(".html") if os.access(archive.parent, os.W_OK) else Path(archive.stem + ".html")
    report.write(page)
    typer.echo(f"\nThe same as a page:    {_short(page)}")
    typer.echo("The same by hand:      make lab    (or: layerkit lab), then open 01-investigate.ipynb")
    typer.echo(f"Your own archive:      {_command()} diagnose YOUR.tar")


def lab(port: int = typer.Option(8888, help="Where JupyterLab listens, on 127.0.0.1 only.")) -> None:
    """Open the notebooks in JupyterLab."""
    from ..samples import notebooks_dir

    jupyter = shutil.which("jupyter-lab", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if jupyter is None:
        raise UsageError(
            "JupyterLab is not installed here", hint="pip install 'layerkit[lab]', or `make lab` in a checkout"
        )
    folder = notebooks_dir()
    if not os.access(folder, os.W_OK):
        folder = Path(shutil.copytree(folder, "layerkit-notebooks", dirs_exist_ok=True))
    arguments = [jupyter, "--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", f"--ServerApp.root_dir={folder}"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        arguments.append("--allow-root")
    os.execv(jupyter, [*arguments, "--LabApp.default_url=/lab/tree/01-investigate.ipynb"])


def _short(path: Path) -> Path:
    try:
        return path.relative_to(Path.cwd())
    except ValueError:
        return path


def _command() -> str:
    return "layerkit" if shutil.which("layerkit") else str(_short(Path(sys.executable).parent / "layerkit"))
