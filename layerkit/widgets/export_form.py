"""What is asked of an export: images, platform, credentials by name, target, and the rarer choices."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import ipywidgets as ipw

from ..errors import LayerkitError, UsageError
from ..samples import data_dir
from ..store import Store
from .export_options import Credentials, ExportOptions
from .target_picker import Target, TargetPicker
from .theme import LABEL, WIDE

_PLATFORMS = (
    "linux/amd64",
    "linux/arm64",
    "linux/arm/v7",
    "linux/386",
    "linux/ppc64le",
    "linux/s390x",
    "windows/amd64",
)


class ExportForm(ipw.VBox):
    """`asked` changes with whatever a plan depends on; `planning` and `writing` are keywords of the two calls."""

    def __init__(
        self,
        images: str | Sequence[str],
        to: Target | Sequence[Target],
        platform: str,
        options: ExportOptions,
        authfile: str = "",
    ) -> None:
        named = [name for name in ([images] if isinstance(images, str) else images) if name]
        self.sample = not named
        self.images = ipw.Textarea(
            value="\n".join(named or sample()),
            description="Images",
            placeholder="one on each line: docker://registry.example/shop/app:2.4, redis:7, oci:DIR:TAG, an archive",
            rows=min(6, max(2, len(named))),
            style=LABEL,
            layout=WIDE,
        )
        self.platform = ipw.Combobox(
            value=platform,
            options=_PLATFORMS,
            description="Platform",
            placeholder="linux, as this machine",
            style=LABEL,
            layout=ipw.Layout(flex="0 1 370px", width="auto"),
        )
        self.credentials = Credentials(authfile)
        self.target = TargetPicker(to)
        self.options = options
        where = ipw.HBox([self.platform])
        where.add_class("lkp-wrap")
        super().__init__([self.images, where, self.credentials, self.target, options])

    @property
    def lines(self) -> list[str]:
        """The images as they were typed, one on each line of the box."""
        return [line.strip() for line in str(self.images.value).splitlines() if line.strip()]

    @property
    def names(self) -> list[str]:
        """The images for `plan_export`. Raises UsageError where there is none."""
        if not self.lines:
            raise UsageError("No image is named", hint="write one on each line, such as redis:7 or oci:DIR:TAG")
        return [os.path.expanduser(line) for line in self.lines]

    @property
    def store(self) -> Store:
        """Where blobs are kept between exports. It is made when it is first asked for."""
        typed = str(self.options.store.value).strip()
        return Store(Path(typed).expanduser() if typed else None)

    @property
    def asked(self) -> object:
        options = self.options
        chosen = [str(box.value) for box in (self.platform, options.form, options.layers, options.store)]
        return (self.lines, self.target.asked, chosen, options.access, self.credentials.authfile)

    def planning(self) -> dict[str, Any]:
        """Keywords of `plan_export`. The target is looked at now: raises what that raises."""
        access = self.options.access
        if self.credentials.authfile:
            access["authfile"] = self.credentials.authfile
        return {
            "to": self.target.targets(),
            "store": self.store,
            "platform": str(self.platform.value).strip(),
            "form": self.options.form.value,
            "layers": self.options.layers.value,
            **access,
        }

    def writing(self) -> dict[str, Any]:
        """Keywords of `export_image`."""
        options = self.options
        return {
            "store": self.store,
            "outer": options.outer.value,
            "split": options.split.value,
            "deep": options.deep.value,
        }

    def freeze(self, frozen: bool) -> None:
        self.target.freeze(frozen)
        own = (self.images, self.platform, self.credentials.source, self.credentials.file)
        for control in (*own, *self.options.controls):
            control.disabled = frozen


def sample() -> list[str]:
    """A tiny image of two versions, by the shorter of its paths."""
    with suppress(LayerkitError, ValueError):
        folder = data_dir() / "shop-oci"
        return [f"oci:{min(str(folder), os.path.relpath(folder), key=len)}:1.1"]
    return []
