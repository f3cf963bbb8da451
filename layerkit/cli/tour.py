"""`layerkit demo` and `layerkit lab`: the main job on a sample, and the notebooks."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

import typer

from ..errors import UsageError

SAMPLE = "trimmed-25-of-36.tar"


def register(app: typer.Typer) -> None:
    app.command(rich_help_panel="Start here")(demo)
    app.command(rich_help_panel="Start here")(lab)


def demo() -> None:
    """Diagnose a sample that `docker load` refuses with "expected 25, got 36", then export an increment that loads."""
    from ..diagnosis import diagnose
    from ..samples import data_dir

    archive = data_dir() / SAMPLE
    short = _short(archive)
    typer.echo(f"$ layerkit diagnose {short}\n")
    report = diagnose(short)
    report.show()
    page = archive.with_suffix(".html") if os.access(archive.parent, os.W_OK) else Path(archive.stem + ".html")
    report.write(page)
    _increment(data_dir() / "shop-oci")
    typer.echo(f"\nThe report as a page:  {_short(page)}")
    typer.echo("The same by hand:      make lab    (or: layerkit lab), then open 01-investigate.ipynb")
    typer.echo(f"Your own archive:      {_command()} diagnose YOUR.tar")


def _increment(layout: Path) -> None:
    """What the exporter of that sample was meant to do: leave out what the target holds, and load all the same."""
    from ..diagnosis import diagnose
    from ..export import export_image
    from ..plan import size_text
    from ..store import Store

    shop = _short(layout)
    typer.echo(f"\nThe same thought, so that it loads:\n\n$ layerkit export oci:{shop}:1.0 -o base.tar")
    with tempfile.TemporaryDirectory(prefix="layerkit-demo-") as folder:
        base, delta, store = Path(folder, "base.tar"), Path(folder, "delta.tar"), Store(Path(folder, "store"))
        first = export_image(f"oci:{shop}:1.0", base, store=store)
        typer.echo(f"{first.plan.sentence}.\n\n$ layerkit export oci:{shop}:1.1 -o delta.tar --to base.tar")
        done = export_image(f"oci:{shop}:1.1", delta, store=store, to=base)
        held = diagnose(delta, held=base)
        typer.echo(
            f"{done.plan.sentence}: {len(done.plan.carried)} layers are in it, {len(done.plan.skipped)} are left out.\n"
            f"manifest.json lists all {held.images[0].alignment.counts['manifest_layers']}, and where base.tar is "
            f"loaded the file is {held.outcome} ({size_text(done.size)})."
        )


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
