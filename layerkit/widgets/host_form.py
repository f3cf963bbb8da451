"""What is asked of a shipment: images, hosts, how those are reached, and the way."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

import ipywidgets as ipw

from ..errors import UsageError
from ..sources.access import Reaching
from .export_form import sample
from .theme import LABEL, WIDE, markup

if TYPE_CHECKING:
    from ..shipping import Via

_RUNTIMES = (("the first that answers", "auto"), ("docker", "docker"), ("podman", "podman"), ("containerd",) * 2)
_WAYS = (
    ("whichever moves fewest bytes", "auto"),
    ("stream into its load command", "stream"),
    ("pull through a tunnel", "pull"),
    ("sftp, for links that break", "sftp"),
)


class HostForm(ipw.VBox):
    """`reaching` and `via` are what `ship` takes of that name."""

    def __init__(
        self, images: str | Sequence[str], hosts: str | Sequence[str], via: Via, platform: str, reaching: Reaching
    ) -> None:
        named, machines = _listed(images), _listed(hosts)
        self._rest = reaching
        self.images = _lines(
            "Images", named or sample(), "one on each line: docker://registry.example/app:2, oci:DIR:TAG"
        )
        self.hosts = _lines("Hosts", machines, "one on each line: ssh://[USER@]HOST[:PORT], an alias of ~/.ssh/config")
        self.runtime = _choice("Runtime", _RUNTIMES, reaching.get("runtime", "auto"))
        self.via = _choice("Send by", _WAYS, via)
        self.sudo = ipw.Checkbox(
            value=reaching.get("sudo", False),
            description="with sudo",
            tooltip="Run the runtime's program as root there",
            indent=False,
            layout=ipw.Layout(width="auto"),
        )
        self.button = ipw.ToggleButton(description="▸ Advanced", tooltip="Platform, namespace, snapshotter, socket")
        self.platform = _text("Platform", platform, "linux, as this machine")
        self.namespace = _text("Namespace", reaching.get("namespace", ""), "of containerd: default, k8s.io, moby")
        self.socket = _text("Socket", reaching.get("socket", ""), "where the runtime listens, if not as usual")
        self.snapshotter = _text("Snapshots", reaching.get("snapshotter", ""), "of containerd, if not overlayfs")
        self.fold = ipw.VBox([_row(self.platform, self.namespace), _row(self.socket, self.snapshotter)])
        self.fold.layout.display = "none"
        self.button.observe(lambda change: self._open(change["new"]), "value")
        heading = _row(self.button, markup("", "lkp-muted"))
        heading.add_class("lkp-indent")
        more = ipw.VBox([heading, self.fold])
        more.add_class("lkp-advanced")
        more.add_class("lkp-second")
        super().__init__([self.images, self.hosts, _row(self.runtime, self.via, self.sudo), more])

    @property
    def names(self) -> list[str]:
        """The images for `ship`. Raises UsageError where there is none."""
        if not (lines := _listed(str(self.images.value))):
            raise UsageError("No image is named", hint="write one on each line, such as redis:7 or oci:DIR:TAG")
        return [os.path.expanduser(line) for line in lines]

    @property
    def machines(self) -> list[str]:
        """The hosts, each once. Raises UsageError where there is none."""
        if not (lines := _listed(str(self.hosts.value))):
            raise UsageError("No host is named", hint="write one on each line, such as ssh://deploy@site or local")
        return list(dict.fromkeys(lines))

    @property
    def reaching(self) -> Reaching:
        found = self._rest.copy()
        found["runtime"] = self.runtime.value
        found["sudo"] = self.sudo.value
        found["namespace"] = str(self.namespace.value).strip()
        found["socket"] = str(self.socket.value).strip()
        found["snapshotter"] = str(self.snapshotter.value).strip()
        return found

    @property
    def way(self) -> Via:
        return cast("Via", self.via.value)

    def freeze(self, frozen: bool) -> None:
        choices = (self.images, self.hosts, self.runtime, self.via, self.sudo)
        for control in (*choices, self.platform, self.namespace, self.socket, self.snapshotter):
            control.disabled = frozen

    def _open(self, opened: bool) -> None:
        self.button.description = "▾ Advanced" if opened else "▸ Advanced"
        self.fold.layout.display = "" if opened else "none"


def _listed(named: str | Sequence[str | Path]) -> list[str]:
    lines = named.splitlines() if isinstance(named, str) else map(str, named)
    return [line.strip() for line in lines if line.strip()]


def _lines(name: str, lines: Sequence[str], placeholder: str) -> ipw.Textarea:
    box = ipw.Textarea("\n".join(lines), description=name, placeholder=placeholder, style=LABEL, layout=WIDE)

    def grow(_: object) -> None:
        box.rows = min(8, max(2, len(str(box.value).splitlines())))

    box.observe(grow, "value")
    grow(None)
    return box


def _choice(name: str, options: Sequence[tuple[str, ...]], value: str) -> ipw.Dropdown:
    layout = ipw.Layout(flex="0 1 370px", width="auto")
    return ipw.Dropdown(options=options, value=value, description=name, style=LABEL, layout=layout)


def _text(name: str, value: str, placeholder: str) -> ipw.Text:
    layout = ipw.Layout(flex="1 1 300px", width="auto")
    return ipw.Text(value, description=name, placeholder=placeholder, style=LABEL, layout=layout)


def _row(*controls: ipw.Widget) -> ipw.HBox:
    row = ipw.HBox(list(controls))
    row.add_class("lkp-wrap")
    return row
