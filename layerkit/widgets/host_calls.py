"""One host at a time: connect to it, with whoever is in front of the panel to answer; look at what would travel."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from ..errors import LayerkitError
from ..plan import Plan
from ..sources.access import Reaching
from ..store import Store
from .host_tables import Load, Stop
from .questions import Questions

if TYPE_CHECKING:
    from ..hosts import Host
    from ..shipping import Via

# hosts and shipping are imported where they are used: paramiko takes a while.

_REFUSED = "compare it with what the host itself says; then connect again, and trust it"


def call_at(name: str, reaching: Reaching, questions: Questions) -> Stop:
    """Connect to a host and ask what it holds. Raises nothing for what a host can cause: it is told."""
    from ..hosts import UnknownHostKey, connect

    def dial(accepted: frozenset[str]) -> Host:
        own = reaching.copy()
        known = own.get("accept", ())
        own["accept"] = accepted | ({known} if isinstance(known, str) else set(known))
        own.setdefault("ask", questions)
        return connect(name, **own)

    host = None
    try:
        host = questions.reach(dial, name)
        return Stop(name, host, host.inventory())
    except LayerkitError as error:
        if host is not None:
            host.close()
        refused = isinstance(error, UnknownHostKey) and threading.current_thread() is not threading.main_thread()
        return Stop(name, problem=str(error), hint=_REFUSED if refused else error.hint)


def is_lost(stop: Stop) -> bool:
    """Whether the connection to a host that answered has broken since."""
    from ..hosts.ssh import ssh_of

    shell = ssh_of(stop.host.shell) if stop.host is not None else None
    return shell is not None and not shell.transport.is_active()


def weigh(stop: Stop, plan: Plan, remark: str, via: Via, store: Store) -> Load:
    """What would travel to a host, looked at as `ship` does before it sends."""
    from ..hosts.ssh import ssh_of
    from ..shipping.cargo import unpacked_bytes
    from ..shipping.preflight import COPYING, check_space, check_way, choose_way

    host, held = stop.host, stop.inventory
    if host is None or held is None:
        return Load(stop.shown, plan, "", refusal=stop.problem, hint=stop.hint)
    way, _ = choose_way(via, held)
    try:
        check_way(way, host, remote=ssh_of(host.shell) is not None)
        if plan.travel_bytes:
            copies = host.facts.driver in COPYING
            check_space(plan.travel_bytes + unpacked_bytes(plan, (), store, copies=copies), host, held)
    except LayerkitError as error:
        return Load(stop.shown, plan, way, refusal=str(error), hint=error.hint)
    return Load(stop.shown, plan, way, remark)
