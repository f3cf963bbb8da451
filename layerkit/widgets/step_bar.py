"""Where one is on a way of several steps."""

from __future__ import annotations

from collections.abc import Sequence

import ipywidgets as ipw

from .theme import markup, text


class StepBar(ipw.VBox):
    """The names of the steps; those behind carry a tick, the one at hand a line. It shows, it is not pressed."""

    def __init__(self, label: str, steps: Sequence[str]) -> None:
        self.steps = tuple(steps)
        self._label = label
        self._html = markup("")
        super().__init__([self._html])
        self.add_class("lkp-steps")
        self.at(0)

    def at(self, current: int) -> None:
        """Show that `current` is being done; the number of steps stands for all of them done."""
        self.current = current
        items = []
        for number, name in enumerate(self.steps):
            if number < current:
                items.append(f'<li class="lkp-past"><span aria-label="done">✓ </span>{text(name)}</li>')
            elif number == current:
                items.append(f'<li class="lkp-now" aria-current="step">{text(name)}</li>')
            else:
                items.append(f"<li>{text(name)}</li>")
        self._html.value = f'<ol aria-label="{text(self._label)}">{"".join(items)}</ol>'
