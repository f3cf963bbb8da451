"""Ship: the same errand to many hosts, side by side."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Unpack, cast

from ..errors import UsageError
from ..export import read_wanted
from ..frames import read_frames
from ..hosts import Host, Question, Reaching, ask_terminal
from ..image import Image
from ..plan import Plan
from ..progress import SILENT, Progress
from ..sources.access import Access
from ..store import Store
from ..text import printable
from .cargo import is_delta, load_file, local_file
from .line import Line, Watch
from .logbook import note
from .outcome import Delivery, Shipment
from .preflight import Via
from .trip import Errand, Trip

JOBS = 20


def ship(
    what: Plan | str | Image | Sequence[str | Image],
    hosts: str | Host | Sequence[str | Host],
    *,
    via: Via = "auto",
    thin: bool = False,
    store: Store | None = None,
    platform: str = "",
    log: str | Path | None = None,
    jobs: int = JOBS,
    progress: Progress = SILENT,
    **access: Unpack[Access],
) -> Shipment:
    """Have every host hold these images, sending only what it lacks, and prove it on the host.

    Parameters
    ----------
    what
        Images as the command line names them; a plan, which is carried out exactly; or the path of one delta archive,
        which is sent as it is.
    hosts
        `ssh://[user@]host[:port]`, aliases of ~/.ssh/config, `local`, `unix://SOCKET`, or hosts connected already.
    via
        `stream` into the load command, no file on either side; `pull` through a reverse tunnel; `sftp` in pieces, taken
        up again where the link broke; `auto` takes the way that moves fewest bytes to that store.
    thin
        On containerd stores leave out layers that are unpacked there, though their blobs are not stored: the image can
        be run, not saved or pushed.
    log
        Folder of the ship log; None for LAYERKIT_LOG or the platform's state folder.
    jobs
        Hosts served at the same time.
    access
        How registries and hosts may be reached (`layerkit.sources.access.Access`): `reaching` is what `hosts.connect`
        takes besides a name.

    Returns
    -------
    Shipment
        A `Delivery` for every host, in their order. What one host does not take stops no other: it is told there.

    Raises
    ------
    UsageError, SourceError, FormatError
        Nothing could be sent to any host: the images cannot be read or are broken.
    """
    named = [hosts] if isinstance(hosts, str | Host) else list(dict.fromkeys(hosts))
    if not named:
        raise UsageError("no host is named")
    reach = _one_question_at_a_time(access.get("reaching", Reaching()))
    access["reaching"] = _for_sources(reach)
    errand = _errand(what, via, store or Store(), platform, thin=thin, progress=progress, access=access)
    stop = threading.Event()

    def send(target: str | Host) -> Delivery:
        name = target.name if isinstance(target, Host) else target.removeprefix("ssh://")
        trip = Trip(errand, Line(target, reach), Watch(progress, name, stop), Delivery(name, "failed"))
        try:
            delivery = trip.deliver()
        except BaseException:
            stop.set()
            raise
        note(delivery, log)
        return delivery

    with ThreadPoolExecutor(max(1, min(jobs, len(named))), thread_name_prefix="ship") as pool:
        pending = [pool.submit(send, target) for target in named]
        try:
            return Shipment(tuple(future.result() for future in pending))
        except BaseException:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _errand(
    what: Plan | str | Image | Sequence[str | Image],
    via: Via,
    store: Store,
    platform: str,
    *,
    thin: bool,
    progress: Progress,
    access: Access,
) -> Errand:
    if via not in ("auto", "stream", "pull", "sftp"):
        raise UsageError(f"{printable(via, 40)} is no way to send, expected auto, stream, pull or sftp")
    if isinstance(what, Plan):
        return Errand(via, store, thin, plan=what)
    wanted = [what] if isinstance(what, str | Image) else list(what)
    deltas = [path for one in wanted if isinstance(one, str) and (path := local_file(one)) and is_delta(path)]
    if not deltas:
        return Errand(via, store, thin, tuple(read_wanted(wanted, platform=platform, progress=progress, **access)))
    if len(wanted) > 1:
        raise UsageError(f"{deltas[0]} lacks layers on purpose and is sent by itself", hint="ship the others apart")
    if via == "pull":
        raise UsageError(f"{deltas[0]} is sent as it is, and cannot be pulled", hint="--via stream or sftp")
    alignments = tuple(read_frames(deltas[0], deep=True, progress=progress).alignments)
    return Errand(via, store, thin, alignments, file=load_file(deltas[0], alignments))


def _for_sources(reach: Reaching) -> Reaching:
    """An image may come from a host, too: whom to trust and ask is the same there, the runtime need not be."""
    return cast("Reaching", {key: value for key, value in reach.items() if key in ("accept", "ask", "config")})


def _one_question_at_a_time(reach: Reaching) -> Reaching:
    """Hosts are dialled side by side, and a person answers one after the other."""
    ask, lock = reach.get("ask", ask_terminal), threading.Lock()

    def asking(question: Question) -> str | None:
        with lock:
            return ask(question)

    found = reach.copy()
    found["ask"] = asking
    return found
