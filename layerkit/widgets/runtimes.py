"""Which runtimes are judged: a box for each program, versions kept where they were named."""

from __future__ import annotations

from collections.abc import Sequence

import ipywidgets as ipw

from ..loaders import LOADERS
from ..report.words import PROGRAMS
from .theme import markup


class Runtimes(ipw.HBox):
    """`wanted` are the ticked ones, as `layerkit.diagnose` takes them; none means the usual ones."""

    def __init__(self, loaders: Sequence[str] = (), label: str = "Judge for") -> None:
        self.boxes = {name: _box(name, loaders) for name in dict.fromkeys(loader.name for loader in LOADERS)}
        self._versions = tuple(name for name in loaders if "@" in name)
        options = ipw.HBox(list(self.boxes.values()))
        options.add_class("lkp-wrap")
        options.add_class("lkp-options")
        super().__init__([markup(label, "lkp-muted lkp-label"), options])

    @property
    def wanted(self) -> tuple[str, ...]:
        ticked = tuple(name for name, box in self.boxes.items() if box.value)
        exact = tuple(name for name in self._versions if name.partition("@")[0] in ticked)
        return exact + tuple(name for name in ticked if not any(e.startswith(f"{name}@") for e in exact))


def _box(name: str, chosen: Sequence[str]) -> ipw.Checkbox:
    ticked = any(name == wanted.partition("@")[0] for wanted in chosen)
    return ipw.Checkbox(
        value=ticked,
        description=PROGRAMS.get(name, name),
        tooltip="None ticked: the usual ones",
        indent=False,
        layout=ipw.Layout(width="auto"),
    )
