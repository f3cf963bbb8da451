"""Images to hosts step by step: who is there and what it holds, what travels, send, prove. A panel of notebook 02."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import ipywidgets as ipw

from ..errors import LayerkitError, UsageError
from ..report.words import count
from ..sources.access import Access, Reaching
from ..store import Store
from .host_calls import call_at, is_lost, weigh
from .host_form import HostForm
from .host_progress import HostProgress
from .host_tables import Load, Stop, held_table, load_table
from .progress_bar import ProgressBar
from .questions import Questions
from .step_bar import StepBar
from .theme import STYLE, button, markup, text, title
from .worker import Worker

if TYPE_CHECKING:
    from ..shipping import Fleet, Shipment, Via


_HOSTS, _PLAN, _SHIP, _ALL = 0, 1, 2, 4
_AT_ONCE = 20


class Shipper(ipw.VBox):
    """Connect to hosts, see what they hold and what would travel, ship, and read the proof.

    Parameters
    ----------
    images
        One or many, as `layerkit.ship` takes them; empty: a sample that needs no network.
    hosts
        `ssh://[USER@]HOST[:PORT]`, aliases of ~/.ssh/config, `local`, `unix://SOCKET`.
    via, store, platform, log, access
        As `layerkit.ship` takes them; `access["reaching"]` says how the hosts are reached.

    Passwords and unknown host keys are asked about in the panel, when they are needed. Connections last until `close`
    or the next `connect`, so that a password is typed once. `connect`, `plan`, `ship` and `shipment` do the same
    without a browser. Where widgets are not shown, the panel is its tables as static HTML.
    """

    def __init__(
        self,
        images: str | Sequence[str] = "",
        hosts: str | Sequence[str] = (),
        *,
        via: Via = "auto",
        store: Store | str | Path | None = None,
        platform: str = "",
        log: str | Path | None = None,
        **access: Unpack[Access],
    ) -> None:
        self.form = HostForm(images, hosts, via, platform, access.get("reaching", Reaching()))
        self.connect_button = button("Connect", "Ask every host what it holds")
        self.asking = markup("", "lkp-muted")
        self.questions = Questions()
        self.held = markup("", "lkp-planned lkp-hosts")
        self.plan_button = button("Plan", "Say what would travel to each, without doing it")
        self.planning = ProgressBar()
        self.planned = markup("", "lkp-planned lkp-hosts")
        self.ship_button = button("Ship", "Send each what it lacks, and look again there")
        self.progress = HostProgress()
        self.proof = markup("", "lkp-planned lkp-hosts")
        self._worker = Worker("layerkit ship", self._freeze)
        self.problem = self._worker.problem
        self.steps = StepBar("Steps of a shipment", ("Hosts", "Plan", "Ship", "Proof"))
        self._store, self._history, self._access = store, log, access
        self._stops: tuple[Stop, ...] = ()
        self._fleet: Fleet | None = None
        self._loads: tuple[Load, ...] = ()
        self._reaching: Reaching = Reaching()
        self._decided_for: object = None
        self._shipment: Shipment | None = None
        for pressed, work in (
            (self.connect_button, self.connect),
            (self.plan_button, self.plan),
            (self.ship_button, self.ship),
        ):
            pressed.on_click(lambda _, work=work: self.start(work))
        super().__init__([markup(STYLE), self._layout()])
        self.add_class("lkp-panel")
        self._step()

    def _layout(self) -> ipw.VBox:
        connecting = ipw.HBox([self.connect_button, self.asking])
        planning = ipw.HBox([self.plan_button, self.planning])
        shipping = ipw.HBox([self.ship_button])
        for row in (connecting, planning, shipping):
            row.add_class("lkp-wrap")
        connecting.add_class("lkp-indent")
        planning.add_class("lkp-after")
        shipping.add_class("lkp-after")
        self._connected = ipw.VBox([title("Hosts"), self.held, planning])
        self._decided = ipw.VBox([title("Plan"), self.planned, shipping, self.progress])
        self._proved = ipw.VBox([title("Proof"), self.proof])
        body = ipw.VBox(
            [self.form, connecting, self.questions, self._connected, self._decided, self.problem, self._proved]
        )
        body.add_class("lkp-body")
        card = ipw.VBox([self.steps, body])
        card.add_class("lkp-card")
        card.add_class("lkp-guide")
        return card

    @property
    def stops(self) -> tuple[Stop, ...]:
        """Every host that was asked, in the order they are named."""
        return self._stops

    @property
    def shipment(self) -> Shipment | None:
        """What the last run brought."""
        return self._shipment

    def connect(self) -> tuple[Stop, ...]:
        """Connect to every host and ask what it holds. One that cannot be reached says so in its row."""
        return self._worker.run(self._connect, lambda: "Stopped: press Connect to start again.")

    def plan(self) -> Fleet:
        """Say what would travel to each host, connect first where that was not done."""
        return self._worker.run(self._decide, lambda: "Stopped: press Plan to start again.")

    def ship(self) -> Shipment:
        """Send every host what it lacks now, and look again there."""
        return self._worker.run(self._deliver, lambda: "Stopped: press Ship to start again.")

    def start(self, work: Callable[[], object]) -> None:
        """`connect`, `plan` or `ship` in a thread of its own: the notebook stays usable."""
        self._worker.start(work)

    def wait(self, timeout: float | None = None) -> None:
        """Wait for what `start` began, at most `timeout` seconds."""
        self._worker.wait(timeout)

    def close(self) -> None:
        """Hang up and go."""
        self.questions.stop()
        self._hang_up()
        super().close()

    def _connect(self) -> tuple[Stop, ...]:
        names = self.form.machines
        self._hang_up()
        self._fleet = self._shipment = None
        self._step()
        self.asking.value = text(f"asking {count(len(names), 'host')}")
        self.questions.go_on()
        reaching = self._reaching = self.form.reaching
        if threading.current_thread() is threading.main_thread():
            self._stops = tuple(call_at(name, reaching, self.questions) for name in names)
        else:
            with ThreadPoolExecutor(min(_AT_ONCE, len(names)), thread_name_prefix="connect") as pool:
                self._stops = tuple(pool.map(lambda name: call_at(name, reaching, self.questions), names))
        self.held.value = held_table(self._stops)
        return self._stops

    def _decide(self) -> Fleet:
        from ..shipping import compare_sites

        reached = self._reached()
        self._fleet = self._shipment = None
        self._step()
        asked = self._asked
        self.planning.start()
        fleet = compare_sites(
            self.form.names,
            [stop.inventory for stop in reached if stop.inventory is not None],
            store=self.store,
            platform=str(self.form.platform.value).strip(),
            progress=self.planning,
            **self._access,
        )
        whole = zip(reached, fleet.plans, fleet.remarks, strict=True)
        self._loads = tuple(weigh(stop, plan, remark, self.form.way, self.store) for stop, plan, remark in whole)
        self._fleet, self._decided_for = fleet, asked
        self.progress.hide()
        self.planned.value = load_table(self._loads)
        return fleet

    def _deliver(self) -> Shipment:
        from ..shipping import Delivery, Shipment, ship

        if self._fleet is None or self._decided_for != self._asked:
            self._decide()
        hosts = [stop.host for stop in self._reached() if stop.host is not None]
        self.planning.hide()
        self._shipment = None
        self._step(_SHIP)
        self.progress.start([host.name for host in hosts])
        outcomes: list[tuple[str, str]] = [(host.name, "stopped") for host in hosts]
        try:
            sent = ship(
                self.form.names,
                hosts,
                via=self.form.way,
                store=self.store,
                platform=str(self.form.platform.value).strip(),
                log=self._history,
                progress=self.progress,
                **self._access,
            )
            outcomes = [(one.host, one.verdict) for one in sent.deliveries]
        finally:
            self.progress.finish(outcomes)
        came = iter(sent.deliveries)
        # A host that could not be asked is one that does not hold it.
        self._shipment = Shipment(
            tuple(
                next(came) if stop.host is not None else Delivery(stop.shown, "failed", stop.problem, stop.hint)
                for stop in self._stops
            )
        )
        self.proof.value = self._shipment.to_html()
        return self._shipment

    @property
    def _asked(self) -> object:
        """What a plan depends on."""
        form = self.form
        return (form.names, form.machines, form.reaching, form.way, str(form.platform.value).strip())

    def _reached(self) -> list[Stop]:
        """The hosts that answered; asked now where others are named or one was lost. Raises where there is none."""
        same = [stop.name for stop in self._stops] == self.form.machines and self._reaching == self.form.reaching
        if not same or any(is_lost(stop) for stop in self._stops):
            self._connect()
        reached = [stop for stop in self._stops if stop.host is not None]
        if not reached:
            raise UsageError("No host could be reached", hint="the table says why; connect again when that is mended")
        return reached

    @property
    def store(self) -> Store:
        """Where blobs are kept between exports. It is made when it is first asked for."""
        return self._store if isinstance(self._store, Store) else Store(self._store or None)

    def _hang_up(self) -> None:
        stops, self._stops = self._stops, ()
        for stop in stops:
            if stop.host is not None:
                with suppress(LayerkitError):
                    stop.host.close()

    def _step(self, at: int | None = None) -> None:
        shown = (
            (self._connected, self._stops),
            (self._decided, self._fleet or self._shipment),
            (self._proved, self._shipment),
        )
        for box, there in shown:
            box.layout.display = "" if there else "none"
        if at is None:
            at = _ALL if self._shipment else _SHIP if self._fleet else _PLAN if self._stops else _HOSTS
        self.steps.at(at)

    def _freeze(self, frozen: bool) -> None:
        self.form.freeze(frozen)
        self.connect_button.disabled = self.plan_button.disabled = self.ship_button.disabled = frozen
        if not frozen:
            self.planning.hide()
            self.asking.value = ""
            self._step()

    def __repr__(self) -> str:
        return f"Shipper({len(self._stops)} hosts)"

    def _repr_html_(self) -> str:
        """The static twin, for where widgets are not shown."""
        if not self._stops:
            return self.problem.value or "<p>No host was asked yet: press Connect, or call <code>connect()</code>.</p>"
        planned = load_table(self._loads) if self._fleet else ""
        proof = self._shipment.to_html() if self._shipment else ""
        return f"{held_table(self._stops)}{planned}{proof}"

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        return {**super()._repr_mimebundle_(**kwargs), "text/html": self._repr_html_()}
