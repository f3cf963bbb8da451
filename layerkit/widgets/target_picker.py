"""Who the archive is for, so that it need not carry what is there already."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import ipywidgets as ipw

from ..diagnosis import read_held
from ..errors import NotFound
from ..inventory import Inventory
from ..report.words import count
from .archive_picker import complete
from .questions import Questions
from .theme import LABEL, markup, text


@dataclass(frozen=True, slots=True)
class Kind:
    """One way to name a target. `look` turns what was typed into what the target holds; None where nothing is."""

    name: str
    placeholder: str = ""
    look: Callable[[str, Questions], Inventory] | None = None


def ask_host(typed: str, questions: Questions) -> Inventory:
    """What a machine holds, asked now. Raises what `hosts.connect` raises."""
    from ..hosts import take_inventory  # paramiko takes a while to import

    return questions.reach(lambda accepted: take_inventory(typed, accept=accepted, ask=questions), typed)


def _read(typed: str, _: Questions) -> Inventory:
    return read_held(os.path.expanduser(typed))


KINDS: tuple[Kind, ...] = (
    Kind("nothing: a full archive"),
    Kind(
        "what an inventory file lists",
        "path of an inventory, as `layerkit inventory HOST -o site.json` writes it",
        _read,
    ),
    Kind("what an earlier archive brought", "path of an archive that the target has loaded", _read),
    Kind(
        "what a host holds right now",
        "ssh://[USER@]HOST[:PORT], an alias of ~/.ssh/config, or local",
        ask_host,
    ),
)
"""A new way to name a target is a line here."""

Target = Inventory | str | Path


class TargetPicker(ipw.VBox):
    """`targets` are what `plan_export` takes as `to`: what was typed, looked up now, or what the caller gave."""

    def __init__(self, to: Target | Sequence[Target] = ()) -> None:
        given = [to] if isinstance(to, Inventory | str | Path) else list(to)
        given = [target for target in given if target != ""]
        path = str(given[0]) if len(given) == 1 and isinstance(given[0], str | Path) else ""
        self._given = [] if path else given
        own = [(_held_text(self._given), -1)] if self._given else []
        self.kind = ipw.Dropdown(
            options=[*own, *((kind.name, at) for at, kind in enumerate(KINDS))],
            value=-1 if own else _kind_of(path),
            description="Target has",
            style=LABEL,
            layout=ipw.Layout(flex="0 1 370px", width="auto"),
        )
        self.path = ipw.Combobox(
            value=path,
            description="Target file",
            continuous_update=True,
            style={"description_width": "0px"},
            layout=ipw.Layout(flex="1 1 240px", width="auto"),
        )
        self.path.add_class("lkp-follow")
        self.note = markup("", "lkp-note")
        self.questions = Questions()
        self.kind.observe(lambda _: self._chosen(), "value")
        self.path.observe(lambda _: self._typed(), "value")
        row = ipw.HBox([self.kind, self.path])
        row.add_class("lkp-wrap")
        super().__init__([row, self.note, self.questions])
        self._chosen()
        self._typed()

    @property
    def asked(self) -> tuple[object, ...]:
        """What is chosen, to be compared: the same answer, the same plan."""
        return (self.kind.value, self.path.value.strip(), *map(str, self._given))

    def targets(self) -> list[Target]:
        """What the target holds. Raises what looking raises, NotFound where no path was typed."""
        if self.kind.value == -1:
            return self._given
        kind = KINDS[self.kind.value]
        if kind.look is None:
            return []
        typed = self.path.value.strip()
        if not typed:
            raise NotFound(
                "No file is named that says what the target has", hint="type its path, or choose a full archive"
            )
        held = kind.look(typed, self.questions)
        who = " ".join(filter(None, (held.runtime, held.version, held.platform))) or "of unknown make"
        self.note.value = text(f"{who}, holds {count(max(len(held.diff_ids), len(held.chain_ids)), 'layer')}")
        return [held]

    def freeze(self, frozen: bool) -> None:
        self.kind.disabled = self.path.disabled = frozen

    def _chosen(self) -> None:
        kind = KINDS[self.kind.value] if self.kind.value >= 0 else KINDS[0]
        self.path.placeholder = kind.placeholder
        self.path.layout.display = "" if kind.look else "none"
        self.note.value = ""

    def _typed(self) -> None:
        self.path.options = tuple(complete(self.path.value))
        self.note.value = ""


def _kind_of(target: str) -> int:
    """Which of KINDS a target is that was given as text."""
    if not target:
        return 0
    return 3 if target.startswith(("ssh://", "unix://")) else 1 if target.endswith(".json") else 2


def _held_text(given: Sequence[Target]) -> str:
    names = [target.host if isinstance(target, Inventory) else os.fspath(target) for target in given]
    return f"what {' and '.join(filter(None, names)) or 'was given'} holds"
