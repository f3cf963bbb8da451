"""The vocabulary of a report: every word that people read and that no rule or image has written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ..alignment import Alignment, State
from ..image import Manifest
from ..verdict import Verdict

PROGRAMS: Mapping[str, str] = {
    "docker-classic": "Docker, classic store",
    "docker-containerd": "Docker, containerd store",
    "containerd": "containerd (ctr)",
    "podman": "podman",
    "skopeo": "skopeo",
    "crane": "crane",
}

FORMAT_WORDS: Mapping[str, str] = {
    "universal": "hybrid archive (docker and OCI)",
    "oci-layout": "OCI layout",
    "legacy": "legacy v1 archive",
    "unknown": "no known format",
}

STATES: Mapping[State, str] = {
    "ok": "there",
    "held": "left out, held there",
    "absent": "listed, not stored",
    "wrong": "other bytes",
    "damaged": "unreadable",
    "surplus": "listed, not promised",
    "unlisted": "stored, not listed",
    "gone": "not listed, not stored",
    "history": "only in the history",
    "unjudged": "nothing promised",
}
AGREEING: frozenset[State] = frozenset({"ok", "held"})
"""States of a layer that nobody has to look at."""


def count(number: int, noun: str) -> str:
    """A number and its noun: "1 layer", "1,200 layers"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def group(positions: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Runs of consecutive positions as (first, last)."""
    first = last = -2
    for position in positions:
        if position != last + 1:
            if first >= 0:
                yield first, last
            first = position
        last = position
    if first >= 0:
        yield first, last


def spell(positions: Sequence[int], most: int = 6) -> str:
    """Positions as people write them: "0 to 10, 14 and 20"."""
    runs = list(group(sorted(positions)))
    parts: list[str] = []
    for first, last in runs[:most]:
        parts += [f"{first} to {last}"] if last > first + 1 else [str(p) for p in range(first, last + 1)]
    if len(runs) > most:
        parts.append(f"{sum(last - first + 1 for first, last in runs[most:]):,} more")
    return " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)


def size(number: int | None) -> str:
    """Bytes in decimal units, as `docker images` shows them; nothing where nothing is known."""
    if number is None:
        return ""
    value, unit = float(number), "B"
    for unit in ("B", "kB", "MB", "GB", "TB", "PB"):
        if abs(value) < 999.95 or unit == "PB":
            break
        value /= 1000
    return f"{number} B" if unit == "B" else f"{value:.1f} {unit}"


def sentences(text: str) -> list[str]:
    """A short headline as its two sentences, a longer one as it is."""
    first, dot, rest = text.partition(". ")
    return [f"{first}.", rest] if dot and len(text) < 200 else [text]


def step(created_by: str) -> str:
    """A history entry as the line of the Dockerfile that it was, without what the builders wrapped around it."""
    text = created_by.removesuffix("# buildkit").rstrip()
    for wrapped, plain in (
        ("/bin/sh -c #(nop) ", ""),
        ("RUN /bin/sh -c ", "RUN "),
        ("/bin/sh -c ", "RUN "),
    ):
        if text.startswith(wrapped):
            return plain + text.removeprefix(wrapped).strip()
    return text


def place(format: str) -> str:
    """What the bytes are in."""
    return {"oci-layout": "folder", "registry": "registry", "docker-daemon": "daemon"}.get(format, "file")


def title(manifest: Manifest) -> str:
    """How a manifest is called."""
    return {"docker": "manifest.json", "oci": "the OCI manifest", "schema1": "the schema 1 manifest"}[manifest.view]


def state(state: State, *, deep: bool) -> str:
    return "verified" if deep and state == "ok" else STATES[state]


def matching(alignment: Alignment) -> str:
    """One sentence on how entries of the manifest were joined with diff IDs."""
    ways = {layer.matched_by for layer in alignment.layers if layer.matched_by}
    if "content" in ways:
        return "Layers were matched with the config by their content."
    if ways & {"name", "digest"}:
        by = "file names" if "name" in ways else "manifest"
        return f"Layers were matched with the config by the digests in the {by}; --deep matches by content."
    if ways and unsure(alignment):
        return "Layers were matched with the config by their order alone; --deep matches by content."
    return ""


def unsure(alignment: Alignment) -> bool:
    """Whether the numbers differ and nothing but the order tells which layer is which."""
    return len(alignment.manifest.layers) != len(alignment.config.diff_ids) and not any(
        layer.matched_by not in ("", "position") for layer in alignment.layers
    )


def file_name(subject: str) -> str:
    """The subject as a program would be given it: without its transport and the reference behind it."""
    return re.sub(r"^(?:docker-archive|oci-archive|oci):", "", subject) or subject


def said(message: str, file: str) -> str:
    """A line of a verdict with the real name of the file, for which models write ARCHIVE."""
    return re.sub(r"\bARCHIVE\b", lambda _: file, message)


def verdict(verdict: Verdict) -> str:
    """The verdict in the words of the table."""
    if verdict.silent:
        return "says yes, is broken"
    if verdict.loads == "if-held":
        what = count(len(verdict.needs), "layer") if verdict.needs else "the rest"
        return f"loads if the target holds {what}"
    return "loads" if verdict.loads else "refuses"
