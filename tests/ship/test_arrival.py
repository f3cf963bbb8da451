"""OUT.load.sh, run where it is meant to be run: beside real Dockers and podman, by real shells."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from layerkit.archive import ImageFile, LayerFile
from layerkit.arrival import render
from layerkit.digest import sha256
from layerkit.export import export_image, plan_export
from layerkit.layers import gather
from layerkit.store import Store
from tests.hosts.machines import PATH, Machine
from tests.images import Spec, docker_archive, layer, stack
from tests.services import Outcome, need, run
from tests.test_export_loads import NEW, OLD, SHOP

services = pytest.mark.services


@pytest.fixture
def delta(store: Store, tmp_path: Path) -> Path:
    """The newer version without what the older one brings, in a folder whose name needs quoting; base.tar beside it."""
    folder = tmp_path / "a stick's folder"
    folder.mkdir()
    export_image(f"{SHOP}:1.0", folder / "base.tar", store=store)
    done = export_image(f"{SHOP}:1.1", folder / "de l'ta.tar", to=folder / "base.tar", store=store)
    assert done.script == folder / "de l'ta.tar.load.sh"
    return folder / "de l'ta.tar"


def script(archive: Path) -> Path:
    return archive.with_name(f"{archive.name}.load.sh")


def start(machine: Machine, archive: Path, *arguments: str, shell: tuple[str, ...] = ("sh",)) -> Outcome:
    """Run the script as a user of that machine would."""
    where = {"PATH": f"{machine.config.parent}:{PATH}", "HOME": "/nonexistent"}
    return run([*shell, script(archive), *arguments], env=where)


@pytest.fixture(params=["docker20", "docker26", "docker26c", "podman"])
def site(request: pytest.FixtureRequest) -> Machine:
    found: Machine = request.getfixturevalue(f"{request.param}_machine")
    found.service.clear()
    return found


@services
@pytest.mark.slow
def test_from_a_missing_base_to_an_image(site: Machine, delta: Path, tmp_path: Path) -> None:
    refused = start(site, delta)
    assert refused.exit == 1
    lines = refused.stdout.splitlines()
    assert lines[0] == (
        f"FAILED: {NEW} needs a base that is not here; nothing was loaded. Missing, from the bottom up:"
    )
    assert len(lines) == 11
    assert all(re.fullmatch(r"  sha256:[0-9a-f]{64}", line) for line in lines[1:])
    assert site.service.images() == []
    site.service.load(delta.with_name("base.tar")).expect()
    done = start(site, delta)
    assert (done.exit, done.stderr) == (0, ""), done.text
    assert re.fullmatch(r"OK: 1 of 1 images arrived, loaded by (docker|podman)\n", done.stdout)
    assert site.service.images() == [OLD, NEW]
    site.service.create_and_export(NEW, tmp_path / "files").expect()
    assert site.service.run("ps", "-aq").stdout == ""
    again = start(site, delta, shell=(str(need("busybox")), "sh"))
    assert again.exit == 0, again.text


@services
def test_layers_of_another_chain_are_no_base_for_docker(
    docker26_machine: Machine, podman_machine: Machine, store: Store, tmp_path: Path
) -> None:
    """podman takes a layer wherever it lies; Docker wants it at its place."""
    layers = stack("arrival", range(3))
    wanted = Spec((*layers, layer("top", 3)), tags=("layerkit.test/top:1",), compression="gzip")
    base = Spec(layers, tags=("layerkit.test/low:1",), compression="gzip")
    other = Spec((layer("elsewhere", 9), *layers), tags=("layerkit.test/other:1",), compression="gzip")
    export_image(str(docker_archive(base).write(tmp_path / "b.tar")), tmp_path / "base.tar", store=store)
    source = str(docker_archive(wanted).write(tmp_path / "w.tar"))
    export_image(source, tmp_path / "delta.tar", to=tmp_path / "base.tar", store=store)
    docker_archive(other).write(tmp_path / "other.tar")
    for machine, code in ((docker26_machine, 1), (podman_machine, 0)):
        machine.service.clear()
        machine.service.load(tmp_path / "other.tar").expect()
        assert start(machine, tmp_path / "delta.tar").exit == code


@services
def test_a_file_that_is_not_all_there(docker20_machine: Machine, delta: Path) -> None:
    docker20_machine.service.clear()
    docker20_machine.service.load(delta.with_name("base.tar")).expect()
    whole = delta.read_bytes()
    delta.write_bytes(whole[:-1000])
    cut = start(docker20_machine, delta)
    assert cut.exit == 1
    assert f"has {len(whole) - 1000} bytes, expected {len(whole)}: copy it again" in cut.stdout
    # As long as it should be, and yet not what it should be: the runtime refuses it.
    delta.write_bytes(whole[:20_000] + bytes(len(whole) - 20_000))
    broken = start(docker20_machine, delta)
    assert broken.exit == 1
    assert broken.stdout.startswith("FAILED: ")
    delta.unlink()
    gone = start(docker20_machine, delta)
    assert (gone.exit, "is not here" in gone.stdout) == (1, True)
    assert docker20_machine.service.images() == [OLD]


@services
def test_another_file_and_another_program(docker20_machine: Machine, delta: Path, tmp_path: Path) -> None:
    docker20_machine.service.clear()
    docker20_machine.service.load(delta.with_name("base.tar")).expect()
    shutil.move(delta, tmp_path / "moved.tar")
    assert start(docker20_machine, delta).exit == 1
    docker = str(docker20_machine.config.parent / "docker")
    env = {"RUNTIME": f"env DOCKER_CONFIG=/nonexistent {docker}", "PATH": PATH}
    done = run(["sh", script(delta), tmp_path / "moved.tar"], env=env)
    assert done.exit == 0, done.text
    nothing = run(["sh", script(delta)], env={"PATH": str(tmp_path)}) if shutil.which("sh") is None else None
    assert nothing is None or nothing.exit == 1


@services
def test_a_load_that_exits_0_and_has_not_loaded(docker26_machine: Machine, delta: Path, tmp_path: Path) -> None:
    """As Docker's containerd store since 27.2, or of an archive that lists no image."""
    docker26_machine.service.clear()
    docker26_machine.service.load(delta.with_name("base.tar")).expect()
    docker = docker26_machine.config.parent / "docker"
    liar = tmp_path / "liar"
    liar.write_text(
        f'#!/bin/sh\nif [ "$1" = load ]; then cat >/dev/null; echo "Loaded image: {NEW}"\n'
        f'echo "Error unpacking image {NEW}: wrong diff id"; exit 0; fi\nexec {docker} "$@"\n'
    )
    liar.chmod(0o755)
    done = run(["sh", script(delta)], env={"RUNTIME": str(liar)})
    assert done.exit == 1
    assert done.stdout == f"FAILED: {NEW} is not here after loading: Error unpacking image {NEW}: wrong diff id\n"


@services
def test_an_older_image_of_that_name_is_no_proof(docker26_machine: Machine, delta: Path, tmp_path: Path) -> None:
    docker26_machine.service.clear()
    docker26_machine.service.load(delta.with_name("base.tar")).expect()
    docker26_machine.service.run("tag", OLD, NEW).expect()
    liar = tmp_path / "liar"
    liar.write_text(f'#!/bin/sh\n[ "$1" = load ] && exit 0\nexec {docker26_machine.config.parent / "docker"} "$@"\n')
    liar.chmod(0o755)
    done = run(["sh", script(delta)], env={"RUNTIME": str(liar)})
    assert done.exit == 1
    assert f"{NEW} is another image here: sha256:" in done.stdout


@services
def test_parts_on_several_sticks(docker20_machine: Machine, store: Store, tmp_path: Path) -> None:
    big = layer("big", 7, size=1_500_000)
    base = Spec(stack("parts", range(2)), tags=("layerkit.test/parts:1",))
    wanted = Spec((*stack("parts", range(2)), big), tags=("layerkit.test/parts:2",))
    export_image(str(docker_archive(base).write(tmp_path / "b.tar")), tmp_path / "base.tar", store=store)
    source = str(docker_archive(wanted).write(tmp_path / "w.tar"))
    done = export_image(source, tmp_path / "d.tar", to=tmp_path / "base.tar", store=store, split=1 << 20)
    assert len(done.paths) == 2
    docker20_machine.service.clear()
    docker20_machine.service.load(tmp_path / "base.tar").expect()
    assert start(docker20_machine, tmp_path / "d.tar").exit == 0
    (tmp_path / "d.tar.001").unlink()
    assert "copy it again" in start(docker20_machine, tmp_path / "d.tar").stdout


HOSTILE = (
    "$(touch pwned)",
    "`touch pwned`",
    "a'; touch pwned; '",
    "a\ntouch pwned\n",
    '"; touch pwned; "',
    "'\"$(touch pwned)\"'",
    "--help",
    "*",
    "@SIZE@ @IMAGES@",
    "${IFS}x\x1b[2J",
    "a\\",
)


@pytest.mark.parametrize("shell", [("sh",), ("busybox", "sh"), ("bash",)])
def test_hostile_words_are_only_words(shell: tuple[str, ...], store: Store, tmp_path: Path) -> None:
    """References, diff IDs and the file's own name: nothing in them is run, split or matched with files."""
    if shutil.which(shell[0]) is None:
        pytest.skip(f"{shell[0]} is not here")
    plan = plan_export(f"{SHOP}:1.1", store=store)
    (file,) = gather(plan, store)
    for name in HOSTILE:
        image = ImageFile((name,), file.config, tuple(_named(one, name) for one in file.layers))
        steps = tuple(replace(step, diff_id=name, action="skip") for step in plan.steps[:2]) + plan.steps[2:]
        text = render(replace(plan, steps=steps), (image,), name, 5)
        (tmp_path / "hostile.sh").write_text(text)
        (tmp_path / "fake").write_text('#!/bin/sh\nprintf "<%s>" "$@" >>"$LOG"; echo >>"$LOG"\nexit 0\n')
        (tmp_path / "fake").chmod(0o755)
        (tmp_path / "archive").write_bytes(b"12345")
        env = {"RUNTIME": str(tmp_path / "fake"), "LOG": str(tmp_path / "calls")}
        done = run(["env", "-C", tmp_path, *shell, "hostile.sh", "archive"], env=env)
        assert done.exit == 1
        assert done.stdout.startswith("FAILED: ")
        assert "\x1b" not in done.stdout
        assert done.stderr == ""
    assert not list(tmp_path.glob("**/*pwned*"))


def _named(one: LayerFile, name: str) -> LayerFile:
    return replace(one, diff_id=name)


def test_the_script_states_what_it_expects(store: Store) -> None:
    plan = plan_export(f"{SHOP}:1.1", store=store)
    (file,) = gather(plan, store)
    steps = tuple(replace(step, action="skip") if at in (0, 1, 5) else step for at, step in enumerate(plan.steps))
    text = render(replace(plan, steps=steps), (file,), "x.tar", 7)
    ids = [step.diff_id for step in plan.steps]
    assert f"'{ids[0]} {ids[1]}' {ids[5]} '{' '.join(ids)}'" in text
    assert sha256(file.config) in text
    assert "@" not in text.split("each() {")[0]


def test_a_full_archive_has_none(store: Store, tmp_path: Path) -> None:
    export_image(f"{SHOP}:1.0", tmp_path / "base.tar", store=store)
    done = export_image(f"{SHOP}:1.1", tmp_path / "out.tar", to=tmp_path / "base.tar", store=store)
    assert done.script is not None
    assert done.script.stat().st_mode & 0o111
    export_image(f"{SHOP}:1.1", tmp_path / "out.tar", store=store)
    assert not done.script.exists()  # it spoke of another archive
    done.script.write_text("mine")
    export_image(f"{SHOP}:1.1", tmp_path / "out.tar", store=store)
    assert done.script.read_text() == "mine"
