"""Every notebook is stripped and thin, runs from top to bottom, takes parameters, and leaves a static report."""

# mypy: allow-untyped-calls
# (nbformat and nbconvert are typed in part only)

from __future__ import annotations

import ast
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import papermill
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter

from layerkit.diagnosis import diagnose, read_held
from layerkit.export import export_image
from layerkit.samples import data_dir, notebooks_dir
from layerkit.store import Store

NOTEBOOKS = sorted(notebooks_dir().glob("*.ipynb"))
ROOT = Path(__file__).parents[1]

every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kernels import this checkout and write nothing into anybody's home."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")])))
    for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "1")
    monkeypatch.setenv("LAYERKIT_STORE", str(tmp_path / "store"))


def code_of(path: Path) -> Iterator[Any]:
    return (cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code")


def html_of(cell: Any) -> str:
    """What a reader without widgets sees of a cell."""
    return "".join(output.get("data", {}).get("text/html", "") for output in cell.outputs)


def test_there_are_notebooks() -> None:
    names = [path.name for path in NOTEBOOKS]
    assert names[:3] == ["01-investigate.ipynb", "02-guided-export.ipynb", "03-verify-and-report.ipynb"]


@every_notebook
def test_stripped(path: Path) -> None:
    document = json.loads(path.read_text(encoding="utf-8"))
    assert set(document["metadata"]) == {"kernelspec", "language_info"}
    assert document["metadata"]["kernelspec"]["name"] == "python3"
    assert set(document["metadata"]["language_info"]) == {"name"}
    for cell in document["cells"]:
        assert set(cell["metadata"]) <= {"tags"}
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            assert cell["execution_count"] is None


@every_notebook
def test_thin(path: Path) -> None:
    for cell in code_of(path):
        assert len(cell.source.splitlines()) <= 10
        nodes = list(ast.walk(ast.parse(cell.source)))
        assert not [n for n in nodes if isinstance(n, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef)]


@every_notebook
def test_the_first_code_cell_holds_the_parameters(path: Path) -> None:
    first, *rest = code_of(path)
    assert first.metadata.tags == ["parameters"]
    assert all(isinstance(statement, ast.Assign) for statement in ast.parse(first.source).body)
    assert not [cell for cell in rest if "parameters" in cell.metadata.get("tags", [])]


@every_notebook
def test_runs_from_top_to_bottom(path: Path, tmp_path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=60, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert outputs
    # What a kernel itself prints at its start is not ours.
    said = "".join(o.text for o in outputs if o.output_type == "stream")
    assert [line for line in said.splitlines() if not line.startswith("[IPKernelApp]")] == []


def test_investigate_reports_what_its_parameters_say(tmp_path: Path) -> None:
    """papermill: another archive, read in full, the report written as JSON; and the exported page holds the report."""
    out, report = tmp_path / "out.ipynb", tmp_path / "report.json"
    archive = str(data_dir() / "wrong-bytes.tar")
    papermill.execute_notebook(
        notebooks_dir() / "01-investigate.ipynb",
        out,
        parameters={"archive": archive, "deep": True, "loaders": ["docker-classic@20.10"], "output": str(report)},
        cwd=str(tmp_path),
        progress_bar=False,
    )
    assert json.loads(report.read_text(encoding="utf-8"))["outcome"] == "broken"
    page, _ = HTMLExporter(exclude_input=True).from_filename(str(out))
    assert "Layer 3 does not contain what the config promises" in page


def test_investigate_mends_what_it_is_told_to(tmp_path: Path) -> None:
    """papermill: with a name for it the repaired archive is written, here as a delta, since no source is named."""
    fixed = tmp_path / "fixed.tar"
    papermill.execute_notebook(
        notebooks_dir() / "01-investigate.ipynb",
        tmp_path / "out.ipynb",
        parameters={"fixed": str(fixed)},
        cwd=str(tmp_path),
        progress_bar=False,
    )
    assert diagnose(fixed).outcome == "incomplete"


def test_the_panel_leaves_a_static_report(tmp_path: Path) -> None:
    """Without widget state, as notebooks are saved by default, a page shows the report where the panel was."""
    notebook = nbformat.read(notebooks_dir() / "01-investigate.ipynb", as_version=4)
    client = NotebookClient(
        notebook, timeout=60, store_widget_state=False, resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    panel = next(cell for cell in notebook.cells if cell.id == "panel")
    assert "lists 25 of the 36 layers" in html_of(panel)
    panel_alone = nbformat.v4.new_notebook(cells=[panel], metadata=notebook.metadata)
    page, _ = HTMLExporter(exclude_input=True).from_notebook_node(panel_alone)
    assert "lists 25 of the 36 layers" in page


def run(name: str, tmp_path: Path, **parameters: object) -> Any:
    """A notebook under papermill, as a pipeline runs it. Raises PapermillExecutionError where it fails."""
    out = str(tmp_path / "out.ipynb")
    return papermill.execute_notebook(
        notebooks_dir() / name, out, parameters=parameters, cwd=str(tmp_path), progress_bar=False
    )


def cell_of(notebook: Any, name: str) -> Any:
    return next(cell for cell in notebook.cells if cell.id == name)


def test_guided_export_plans_and_writes_nothing_unless_told(tmp_path: Path) -> None:
    before = set(tmp_path.iterdir())
    done = run("02-guided-export.ipynb", tmp_path)
    assert {path.name for path in set(tmp_path.iterdir()) - before} >= {"out.ipynb", "store"}
    assert not list(tmp_path.glob("*.tar"))
    # What a reader without widgets sees where the panel was, and below it.
    for name in ("panel", "plan"):
        assert "36 kB of 36 kB travel" in html_of(cell_of(done, name))


def test_guided_export_exports_what_its_parameters_say(tmp_path: Path) -> None:
    shop = f"oci:{data_dir() / 'shop-oci'}"
    run("02-guided-export.ipynb", tmp_path, images=[f"{shop}:1.0"], output="base.tar")
    done = run("02-guided-export.ipynb", tmp_path, images=[f"{shop}:1.1"], to="base.tar", output="delta.tar")
    assert diagnose(tmp_path / "delta.tar").outcome == "incomplete"
    assert diagnose(tmp_path / "delta.tar", held=tmp_path / "base.tar").outcome == "sound"
    assert "6.7 kB of 36 kB travel" in html_of(cell_of(done, "plan"))
    assert "sound with what the target holds" in html_of(cell_of(done, "run"))
    assert html_of(cell_of(done, "log")).count("left out") == 10


def test_verify_passes_where_all_is_well(tmp_path: Path) -> None:
    done = run("03-verify-and-report.ipynb", tmp_path, output="reports", loaders=["podman"])
    assert "4 targets: 4 sound." in html_of(cell_of(done, "reports"))
    assert len(json.loads((tmp_path / "reports" / "report.json").read_text(encoding="utf-8"))) == 4
    page, _ = HTMLExporter(exclude_input=True).from_filename(str(tmp_path / "out.ipynb"))
    assert "sound-workdir.tar" in page


def test_verify_fails_when_the_archive_does(tmp_path: Path) -> None:
    """The reports are written first, and one sentence says why it failed."""
    broken = data_dir() / "wrong-bytes.tar"
    archives = [str(data_dir() / "sound-docker.tar"), str(broken)]
    with pytest.raises(papermill.PapermillExecutionError) as caught:
        run("03-verify-and-report.ipynb", tmp_path, archives=archives, output="reports")
    assert caught.value.ename == "IntegrityError"
    assert "wrong-bytes.tar: Layer 3 does not contain what the config promises." in caught.value.evalue
    outcomes = [item["outcome"] for item in json.loads((tmp_path / "reports" / "report.json").read_text("utf-8"))]
    assert outcomes == ["sound", "broken"]
    # Headers alone do not tell.
    run("03-verify-and-report.ipynb", tmp_path, archives=[str(broken)], deep=False)


def test_verify_takes_an_inventory(tmp_path: Path) -> None:
    base, delta = str(tmp_path / "base.tar"), str(tmp_path / "delta.tar")
    store = Store(tmp_path / "store")
    export_image(f"oci:{data_dir() / 'shop-oci'}:1.0", base, store=store)
    export_image(f"oci:{data_dir() / 'shop-oci'}:1.1", delta, to=base, store=store)
    (tmp_path / "site.json").write_text(read_held(base).to_json())
    run("03-verify-and-report.ipynb", tmp_path, archives=[delta], held="site.json")
    with pytest.raises(papermill.PapermillExecutionError, match="the lowest 10 are left out"):
        run("03-verify-and-report.ipynb", tmp_path, archives=[delta])


def test_sites_are_those_of_the_parameters(tmp_path: Path) -> None:
    """papermill: two of the sites, another release; what each would get is in the page."""
    out = tmp_path / "out.ipynb"
    sites = [str(data_dir() / "sites" / f"{name}.json") for name in ("lisbon", "porto")]
    images = [f"oci:{data_dir() / 'shop-oci'}:1.0"]
    papermill.execute_notebook(
        notebooks_dir() / "04-hosts-and-sites.ipynb",
        out,
        parameters={"images": images, "sites": sites, "history": str(tmp_path / "shipments")},
        cwd=str(tmp_path),
        progress_bar=False,
    )
    fleet = next(cell for cell in nbformat.read(out, as_version=4).cells if cell.id == "fleet")
    assert "lisbon" in html_of(fleet)
    assert "one archive for all" in html_of(fleet)
    assert "berlin" not in html_of(fleet)
