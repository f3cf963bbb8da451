"""Another Debian release in a folder, beside the machine's own: how an older or newer Docker gets here.

Built once by debootstrap (a minute or two, about 500 MB) and kept in the user's cache for later runs.
"""

from __future__ import annotations

import fcntl
import os
import re
import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path

import platformdirs

from tests.services.need import need
from tests.services.process import isolate, run, unavailable

# What each release needs for a Docker: trixie has the client in a package of its own.
INCLUDES = {
    "bookworm": "ca-certificates,iptables,docker.io,containerd,runc",
    "trixie": "ca-certificates,iptables,docker.io,docker-cli,containerd,runc",
}
DEFAULT_MIRROR = "http://deb.debian.org/debian"


def find_mirror(sources: Path = Path("/etc/apt")) -> str:
    """The Debian mirror this machine is configured for, in either format of apt's sources."""
    files = [
        *sources.glob("sources.list.d/*.sources"),
        sources / "sources.list",
        *sources.glob("sources.list.d/*.list"),
    ]
    for file in files:
        text = file.read_text(errors="replace") if file.is_file() else ""
        for line in text.splitlines():
            match = re.match(r"(?:URIs:|deb(?:\s+\[[^]]*\])?)\s+(https?://\S+/debian)/?(?:\s|$)", line.strip())
            if match:
                return match[1]
    return DEFAULT_MIRROR


def need_chroot(suite: str) -> Path:
    """The folder of this Debian release and its Docker; made on first use, shared by all later runs."""
    debootstrap = need("debootstrap")
    cache = Path(os.environ.get("LAYERKIT_TEST_CACHE") or platformdirs.user_cache_path("layerkit-tests"))
    cache.mkdir(parents=True, exist_ok=True)
    folder = cache / suite
    with (cache / f"{suite}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            _bootstrap(debootstrap, suite, folder)
    return folder


def enter_chroot(folder: Path, private: Path, argv: Sequence[str]) -> list[str]:
    """The command that runs `argv` inside, `private` being its /mnt; needs a mount namespace of its own.

    The folder is mounted on itself: a daemon remounts "/" and needs it to be a mount point. /sys is a slave,
    so that nothing done to it inside ever reaches the machine.
    """
    root = shlex.quote(str(folder))
    mounts = (
        f"mount --bind {root} {root} && mount --make-private {root} && mount -t proc proc {root}/proc && "
        f"mount --rbind /sys {root}/sys && mount --make-rslave {root}/sys && mount --bind /dev {root}/dev && "
        f"mount --bind {shlex.quote(str(private))} {root}/mnt && exec chroot {root} {shlex.join(argv)}"
    )
    return ["sh", "-c", mounts]


def _bootstrap(debootstrap: Path, suite: str, folder: Path) -> None:
    unfinished = folder.with_name(f"{suite}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    options = ["--variant=minbase", f"--include={INCLUDES[suite]}"]
    argv = [str(debootstrap), *options, suite, str(unfinished), find_mirror()]
    outcome = run(isolate(argv, pids=True), timeout=900)  # it mounts /proc
    if not outcome.ok:
        shutil.rmtree(unfinished, ignore_errors=True)
        last = (outcome.text.strip().splitlines() or ["it printed nothing"])[-1]
        unavailable(f"debootstrap of {suite} failed (exit {outcome.exit}): {last[:300]}")
    shutil.rmtree(unfinished / "var/cache/apt", ignore_errors=True)
    unfinished.rename(folder)
