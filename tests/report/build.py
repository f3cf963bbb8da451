"""Reports from literals: real frames of real archives, with findings, causes and verdicts made by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from layerkit import __version__
from layerkit.finding import Cause, Finding, Outcome, Rule
from layerkit.frames import Frames, read_frames
from layerkit.report import ImageReport, Remedy, Report
from layerkit.verdict import Need, Verdict
from tests.images import Spec, Tar, docker_archive, layer, steps

PREFIX, TOTAL = 11, 36
BASE = (
    "ADD rootfs.tar.xz / # buildkit",
    "RUN /bin/sh -c apt-get update && apt-get install -y ca-certificates curl # buildkit",
    "RUN /bin/sh -c useradd --system app # buildkit",
    "COPY /etc/ssl /etc/ssl # buildkit",
)


def check(subject: Any) -> Iterable[Finding]:
    """The manifest and the config must name the same number of layers.

    Docker compares the two before it looks for anything that it has already.
    """
    return ()


COUNTS = Rule("LK101", "manifest layers and diff IDs agree in number", check)
ABSENT = Rule("LK201", "every listed layer is there", check, requires=frozenset({"LK101"}))
BYTES = Rule("LK202", "layer bytes hash to the diff ID", check, deep=True)
DIGESTS = Rule("LK203", "layer bytes hash to the blob digest", check, deep=True)
TAGS = Rule("LK403", "the image has a tag", check, severity="warning")
MEMBERS = Rule("LK302", "no member name occurs twice", check, scope="file")
ARCHIVE = Rule("LK304", "it is an image archive", check, scope="file")

NOT_READ = "layer contents were not read (--deep)"
MISMATCH = "invalid manifest, layers length mismatch: expected 25, got 36"
UNPACK = "Loaded image: shop/app:1\nError unpacking image shop/app:1: mismatched image rootfs and manifest layers"


def trimmed(*, total: int = TOTAL, missing: int = PREFIX, tag: str = "shop/app:1", **claims: Any) -> Tar:
    """An export that has left out its lowest layers, and shortened the list with them."""
    layers = tuple(layer("report", number, 600) for number in range(total))
    told = [*BASE[:total], *(f"RUN /bin/sh -c make step-{number} # buildkit" for number in range(4, total))]
    whole = Spec(layers, tags=(tag,), names="colon", config={"history": steps(*told), **claims})
    names = whole.layer_names
    stored: Mapping[int | str, None] = dict.fromkeys(range(missing))
    entry = {"Layers": list(names[missing:])}
    return docker_archive(Spec(layers, tags=(tag,), names="colon", config=whole.config, stored=stored, entry=entry))


def frames_of(tar: Tar, folder: Path, *, deep: bool = False) -> Frames:
    path = folder / "image.tar"
    path.write_bytes(bytes(tar))
    return read_frames(path, deep=deep)


def verdicts() -> tuple[Verdict, ...]:
    return (
        Verdict("docker-classic", "29.7", False, 1, MISMATCH),
        Verdict("docker-classic", "20.10", False, 1, MISMATCH),
        Verdict("docker-containerd", "29.7", False, 0, UNPACK, silent=True),
        Verdict("containerd", "2.4", False, 1, "number of layers and diffIDs don't match: 25 != 36"),
        Verdict("podman", "5.8", False, 125, "Inconsistent layer count: 25 in manifest, 36 in config"),
        Verdict("skopeo", "1.22", False, 1, "Inconsistent layer count: 25 in manifest, 36 in config"),
        Verdict("crane", "0.21", True, 0),
    )


def needed(count: int = PREFIX) -> tuple[Need, ...]:
    return tuple(Need(position, f"sha256:{position:064x}", "chain_id", "x") for position in range(count))


def mismatch(message: str = "") -> Finding:
    message = message or "manifest.json lists 25 layers, the config has 36 diff IDs. Positions 0 to 10 are missing."
    evidence = {"manifest_layers": 25, "diff_ids": 36}
    return COUNTS.finding(message, positions=range(PREFIX), evidence=evidence, fix="Export the image again.")


def cause(message: str = "") -> Cause:
    return Cause(
        "incremental-export",
        "certain",
        message
        or "An incremental exporter left out what the target already had, and shortened the list of layers as well.",
        ("The 25 listed layers are the topmost 25 of the config.", "None of the lowest 11 is in the file."),
        "Export the image again with every layer listed: `layerkit repair` does so from this file and the registry.",
    )


def report_of(frames: Frames, subject: str = "export/app.tar", **changes: Any) -> Report:
    """The report of a trimmed export, unless `changes` say otherwise."""
    outcomes = (
        Outcome(COUNTS, (mismatch(),)),
        Outcome(ABSENT, skipped_because="LK101 did not pass"),
        Outcome(BYTES, skipped_because=NOT_READ),
        Outcome(DIGESTS, skipped_because=NOT_READ),
        Outcome(TAGS),
    )
    command = "layerkit repair export/app.tar --from docker://registry.example/shop/app:1 -o fixed.tar"
    needs = ("the 11 missing layers, from a registry or another export",)
    repairs = (Remedy("relist", True, needs, command, "List all 36 layers again and fetch the 11 that are missing"),)
    parts: dict[str, Any] = {
        "outcomes": (Outcome(MEMBERS), Outcome(ARCHIVE)),
        "images": tuple(ImageReport(a, outcomes, (cause(),), repairs) for a in frames.alignments),
        "verdicts": verdicts(),
        **changes,
    }
    return Report(subject, frames, **parts)


def sound_of(frames: Frames, subject: str = "sound.tar", **changes: Any) -> Report:
    outcomes = (Outcome(COUNTS), Outcome(ABSENT), Outcome(TAGS))
    loads = (Verdict("docker-classic", "29.7", True, 0, "Loaded image: shop/app:1"),)
    parts: dict[str, Any] = {
        "images": tuple(ImageReport(a, outcomes) for a in frames.alignments),
        "verdicts": loads,
        "outcomes": (Outcome(MEMBERS),),
        **changes,
    }
    return Report(subject, frames, **parts)


GOLDEN = Path(__file__).parent / "golden"
GOLDEN_NAMES: Mapping[str, str] = {
    "text": "trimmed.txt",
    "json": "trimmed.json",
    "html": "trimmed.html",
    "md": "trimmed.md",
    "junit": "trimmed.xml",
    "sarif": "trimmed.sarif",
}


def rendered(report: Report, format: str) -> str:
    """A rendering without the one thing that changes with every release."""
    return report.render(format).replace(__version__, "VERSION")


def rewrite() -> None:
    """Write the golden files anew: `python -m tests.report.build`, then look at the difference."""
    with TemporaryDirectory() as folder:
        report = report_of(frames_of(trimmed(), Path(folder)))
        for format, name in GOLDEN_NAMES.items():
            (GOLDEN / name).write_text(rendered(report, format), encoding="utf-8")


if __name__ == "__main__":
    rewrite()
