"""What a file is, if it is no image archive: told from its first bytes and its members."""

from __future__ import annotations

from dataclasses import dataclass

from .members import Members

_ROOTFS = frozenset({"bin", "etc", "usr", "lib", "var", "dev", "proc", "sys", "home", "root", "sbin", "tmp", "opt"})

_MAGIC: tuple[tuple[bytes, str, str], ...] = (
    (b"PK\x03\x04", "zip", "a zip file"),
    (b"\x7fELF", "elf", "a program (ELF)"),
    (b"7z\xbc\xaf", "7z", "a 7-Zip file"),
    (b"Rar!", "rar", "a RAR file"),
    (b"%PDF", "pdf", "a PDF document"),
    (b"hsqs", "squashfs", "a squashfs image"),
)


@dataclass(frozen=True, slots=True)
class Likeness:
    """What the file looks like instead: an id for machines, words for people, and what to do."""

    id: str
    words: str
    fix: str = ""


def recognise_bytes(head: bytes) -> Likeness:
    """Name a file that is not a tar at all."""
    if not head:
        return Likeness("empty", "an empty file", "copy it again: nothing arrived")
    if head[257:262] == b"ustar":
        return Likeness("damaged-tar", "a tar whose very first header is damaged", "copy or export it again")
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or (head[1:40:2].strip(b"\0") == b"" and len(head) > 40 and head[0]):
        return Likeness(
            "utf16",
            "a tar that a shell rewrote as UTF-16 text (PowerShell `>`)",
            "export again with `docker save -o FILE`, not with `>`",
        )
    start = head.lstrip()[:200].lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return Likeness("html", "an HTML page, such as a login or error page", "download it again, signed in")
    if start.startswith((b"{", b"[")):
        return Likeness("json", "a JSON text", "")
    for magic, kind, words in _MAGIC:
        if head.startswith(magic):
            return Likeness(kind, words)
    if not head.strip(b"\0"):
        return Likeness("zeros", "a run of zero bytes, as an interrupted copy leaves them", "copy it again")
    if b"\0" not in head and all(byte >= 32 or byte in b"\t\r\n" for byte in head[:256]):
        return Likeness("text", "a text file", "")
    return Likeness("bytes", "neither a tar nor a compressed tar", "")


def recognise_members(members: Members) -> Likeness:
    """Name a tar that is not an image archive."""
    names = members.cleaned.keys() | {m.name.strip("./") for m in members.all if m.kind == "dir"}
    tops = {name.split("/", 1)[0] for name in names}
    if ".dockerenv" in tops or len(tops & _ROOTFS) >= 4:
        return Likeness(
            "rootfs",
            "the file system of a container (`docker export`), not an image",
            "export the image with `docker save`, or load this file with `docker import`",
        )
    below = sorted(n for n in names if n.endswith(("/manifest.json", "/index.json")) and n.count("/") == 1)
    if below:
        folder = below[0].split("/", 1)[0]
        if folder == "..":
            return Likeness("nested", "an image archive whose names lead out of it, to ../", "repack it without ../")
        return Likeness("nested", f"an image archive one folder down, in {folder}/", f"repack it from inside {folder}/")
    if not members.all:
        return Likeness("empty-tar", "a tar with nothing in it", "export it again")
    layer_like = [m for m in members.all if m.name.endswith(("layer.tar", ".tar.gz")) or m.name.startswith("blobs/")]
    if layer_like:
        return Likeness("headless", "layers without the manifest that lists them", "copy it again, or repair it")
    return Likeness("tar", "a tar, but none with an image in it", "")
