"""One host's delivery: plan for what it holds now, send, look again; whatever happens, names are left as they were."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from ..alignment import Alignment
from ..archive import Span
from ..decision import decide
from ..errors import Cancelled, LayerkitError, NotFound, Refused, Unreachable, UsageError
from ..hosts import Host, Result
from ..hosts.ssh import ssh_of
from ..inventory import Inventory
from ..layers import bring, foresee, gather
from ..plan import Plan, Step
from ..store import Store
from .cargo import Cargo, Wanted, load_plan, unpacked_bytes, wanted_of
from .line import Line, Watch
from .outcome import Delivery
from .preflight import COPYING, Via, Way, check_base, check_space, check_way, choose_way, plan_for
from .proof import failure, forget, keep, look_again, restore
from .served import Served
from .tunnel import pull
from .upload import load_uploaded, upload

LOG = logging.getLogger("layerkit.shipping")

_ATTEMPTS, _PAUSE = 5, 2.0
"""How often a broken upload is taken up again by itself, and seconds before it is."""


@dataclass(frozen=True)
class Errand:
    """What is to be done on every host. One of `plan`, `file` and `alignments` alone says what travels."""

    via: Via
    store: Store
    thin: bool
    alignments: tuple[Alignment, ...] = ()
    plan: Plan | None = None
    file: Cargo | None = None


@dataclass
class Trip:
    """One host's delivery, from dialling to the last look."""

    errand: Errand
    line: Line
    watch: Watch
    found: Delivery
    """What is known so far."""
    before: Inventory | None = None
    wanted: tuple[Wanted, ...] = ()
    touched: bool = False
    kept: Mapping[str, str] = field(default_factory=dict)
    """Names that keep what the wanted ones meant before."""
    counting: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def deliver(self) -> Delivery:
        """Raises nothing but Cancelled for what a host can cause: it is told in the delivery."""
        start = time.monotonic()
        self.found = replace(self.found, when=datetime.now(UTC).isoformat(timespec="seconds"))
        try:
            self._travel()
        except Cancelled:
            raise
        except LayerkitError as error:
            if self.touched:
                self._put_back()
            self._know(
                message=str(error), hint=error.hint, verdict="refused" if isinstance(error, Refused) else "failed"
            )
        finally:
            if self.line.host is not None:
                forget(self.line.host, self.kept)
            self.line.hang_up()
            self.watch.end("send", self.found.verdict)
        LOG.info("%s: %s %s", self.found.host, self.found.verdict, self.found.message)
        self._know(seconds=time.monotonic() - start)
        return self.found

    def _know(self, **more: Any) -> None:
        self.found = replace(self.found, **more)

    def _travel(self) -> None:
        host, errand = self.line.dial(), self.errand
        before = self.before = host.inventory()
        self._know(runtime=host.runtime, version=host.version, store=host.store)
        way, why = choose_way(errand.via, before)
        check_way(way, host, remote=ssh_of(host.shell) is not None)
        plan, remark = self._plan(before)
        self.wanted = self._foreseen(plan)
        images = {image.name: image.config for image in self.wanted}
        self._know(via=way, why=why, note=remark, images=images, whole=_whole(plan, errand))
        if self._there_already(before) and not failure(checks := look_again(host, self.wanted)):
            self._know(verdict="there already", checks=checks, via="", why="", note="")
            return
        complete = True
        if way == "pull":
            self._pull(host, plan, before)
            if remark and (now := host.inventory()).incomplete:
                # Docker fetches no blob of a layer it has unpacked (containerd core/unpack/unpacker.go): they go after.
                complete = self._send(host, self._plan(now)[0], now, "stream")
        else:
            complete = self._send(host, plan, before, way)
        checks = look_again(self.line.host or host, self.wanted, complete=complete)
        self._know(checks=checks)
        if told := failure(checks):
            raise Refused(
                f"it did not arrive, whatever was said of loading it: {told}", hint="`layerkit diagnose` the source"
            )
        self._know(verdict="arrived")

    def _plan(self, before: Inventory) -> tuple[Plan | None, str]:
        errand = self.errand
        if errand.file is not None or errand.plan is not None:
            return errand.plan, ""
        return plan_for(errand.alignments, before, missing=errand.store.missing, thin=errand.thin)

    def _foreseen(self, plan: Plan | None) -> tuple[Wanted, ...]:
        """How the images have to look, as far as that is known before the layers are here."""
        if plan is None:
            return self.errand.file.wanted if self.errand.file else ()
        files = foresee(plan, self.errand.store)
        if files is not None:
            return wanted_of(files)
        return tuple(
            Wanted(references, image.config.digest, (), image.config.diff_ids)
            for references, image in zip(plan.references, plan.images, strict=True)
        )

    def _there_already(self, before: Inventory) -> bool:
        ids = dict(before.images)
        known = {one.rpartition("docker.io/library/")[2]: ids[one] for one in ids} | ids
        return bool(self.wanted) and all(
            known.get(name) in image.ids_on(before) for image in self.wanted for name in image.names_on(before)
        )

    def _send(self, host: Host, plan: Plan | None, before: Inventory, way: Way) -> bool:
        """By stream or sftp. Returns whether every blob has to be there afterwards."""
        cargo = self.errand.file
        if plan is not None:
            copies = host.facts.driver in COPYING
            cargo = load_plan(plan, self.errand.alignments, self.errand.store, self.watch, copies=copies)
            self.wanted = cargo.wanted
        if cargo is None:
            raise UsageError("there is nothing to send")
        # Fetching may have taken an hour: what was left out must be there now.
        now = before if plan is not None and not plan.fetch_bytes else host.inventory()
        complete = self.errand.plan is None and self.errand.file is None and not self.errand.thin
        on_containerd = "containerd" in (now.runtime, now.store)
        check_base(cargo.needs, replace(now, chain_ids=frozenset()) if complete and on_containerd else now)
        check_space(cargo.size + cargo.unpacked, host, now)
        self.watch.begin("send", cargo.size, "sending")
        self._touch(host, before)
        if way == "stream":
            result = host.load(self._counted(cargo))
        else:
            result = self._upload(cargo)
        if not result.ok:
            raise _refusal(self.line.host or host, result)
        return not on_containerd or all(need.digest in now.blobs for need in cargo.needs)

    def _touch(self, host: Host, before: Inventory) -> None:
        """From here on names there may change."""
        if not self.touched:
            self.kept = keep(host, before, self.wanted)
        self.touched = True

    def _counted(self, cargo: Cargo) -> Iterator[bytes]:
        for chunk in cargo.chunks():
            yield chunk
            self._sent(len(chunk))

    def _sent(self, count: int) -> None:
        with self.counting:
            self._know(bytes=self.found.bytes + count)
        self.watch.advance("send", count)

    def _upload(self, cargo: Cargo) -> Result:
        for attempt in range(1, _ATTEMPTS + 1):
            host = self.line.host or self.line.dial()
            shell = ssh_of(host.shell)
            if shell is None:
                raise UsageError(f"{host.name} is not reached over SSH, so there is no sftp")
            try:
                path = upload(shell, cargo, self._sent)
                return load_uploaded(host, shell, path)
            except Unreachable as error:
                if not self.line.redials or attempt == _ATTEMPTS:
                    raise Unreachable(str(error), hint="ship again: what has arrived is not sent again") from None
                LOG.info("%s; attempt %d", error, attempt + 1)
            self.watch.pause(_PAUSE * (attempt - 1))
            with suppress(Unreachable):
                self.line.dial()
        raise Unreachable("unreached")

    def _pull(self, host: Host, plan: Plan | None, before: Inventory) -> None:
        if plan is None:
            raise UsageError("a delta archive cannot be pulled", hint="--via stream or sftp")
        # The host decides what it fetches, so all of it is on offer; a layer comes here when it is asked for.
        offer = (
            decide(self.errand.alignments, missing=self.errand.store.missing, packing=plan.packing)
            if self.errand.alignments
            else plan
        )
        if offer.is_delta:
            raise UsageError("a plan that leaves layers out cannot be pulled", hint="ship the images, or --via stream")
        files = foresee(offer, self.errand.store)
        here: Mapping[str, Span] = {}
        if files is None:
            files = gather(offer, self.errand.store, self.watch)
            here = {layer.digest: layer.content for file in files for layer in file.layers if layer.content}
        copies = host.facts.driver in COPYING
        unpacked = unpacked_bytes(plan, self.errand.alignments, self.errand.store, copies=copies)
        check_space(plan.travel_bytes + unpacked, host, before)
        served = Served(files, self._bringing(offer, here), self._sent)
        self.wanted = wanted_of(files)
        self.watch.begin("send", plan.travel_bytes, "pulled")
        self._touch(host, before)
        pull(host, served, self.wanted, before)

    def _bringing(self, plan: Plan, here: Mapping[str, Span]) -> Callable[[str], Span]:
        steps: Mapping[str, Step] = {step.digest: step for step in plan.carried}

        def have(digest: str) -> Span:
            content = here.get(digest) or bring(plan, steps[digest], self.errand.store, self.watch).content
            if content is None:
                raise NotFound(f"{digest} is not here")
            return content

        return have

    def _put_back(self) -> None:
        """Leave the host's names as they were; over a new connection where the first one broke."""
        with suppress(LayerkitError):
            host = self.line.host
            if host is None or (self.line.redials and not _answers(host)):
                host = self.line.dial()
            if self.before is not None:
                restore(host, self.before, self.wanted, self.kept)


def _answers(host: Host) -> bool:
    try:
        return host.shell.run(["true"]).ok
    except LayerkitError:
        return False


def _refusal(host: Host, result: Result) -> LayerkitError:
    said = f"{result.stderr}\n{result.text[-4000:]}"
    if "no space left on device" in said.lower():
        return Refused(
            f"the disk of {host.name} was full before the load was done: {result.complaint}",
            hint="make room there, and ship again",
        )
    error = host.driver.failure(result)
    return Refused(str(error), hint=error.hint) if isinstance(error, NotFound) else error


def _whole(plan: Plan | None, errand: Errand) -> int:
    if plan is not None:
        return plan.travel_bytes + plan.skip_bytes
    return errand.file.size if errand.file else 0
