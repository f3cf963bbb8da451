"""Many sites side by side: which layers they share, and what a release would cost each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from ..decision import decide
from ..errors import UsageError
from ..export import read_targets, read_wanted
from ..image import Image
from ..inventory import Inventory
from ..plan import Plan
from ..progress import SILENT, Progress
from ..sources.access import Access
from ..store import Store
from ..text import printable, size_text
from .preflight import choose_way, plan_for

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Fleet:
    """Sites, and the plan of a release for each; `together` is the plan of one archive that all of them load."""

    sites: tuple[Inventory, ...]
    plans: tuple[Plan, ...] = field(repr=False)
    together: Plan = field(repr=False)
    remarks: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(site.host or f"site {at}" for at, site in enumerate(self.sites, 1))

    @cached_property
    def shared(self) -> pd.DataFrame:
        """How many layers two sites both hold: one row and one column per site."""
        import pandas as pd

        counts = [[len(one.diff_ids & other.diff_ids) for other in self.sites] for one in self.sites]
        return pd.DataFrame(counts, index=list(self.names), columns=list(self.names))

    @cached_property
    def layers(self) -> pd.DataFrame:
        """One row per layer of the release: image, position, size in bytes, and what becomes of it at each site."""
        import pandas as pd

        found = pd.DataFrame(
            [[self.together.names[s.image], s.position, s.size] for s in self.together.steps],
            columns=["image", "position", "size"],
        )
        for name, plan in zip(self.names, self.plans, strict=True):
            found[name] = ["held" if step.action == "skip" else "travels" for step in plan.steps]
        return found

    @cached_property
    def costs(self) -> pd.DataFrame:
        """One row per site, and one for an archive that all load: layers that travel, bytes of them, bytes of all."""
        import pandas as pd

        rows = []
        for name, site, plan in zip(self.names, self.sites, self.plans, strict=True):
            runtime = f"{site.runtime} {site.version}".strip()
            way = choose_way("auto", site)[0]
            rows.append([name, runtime, site.store, way, len(plan.carried), plan.travel_bytes, _whole(plan)])
        one = self.together
        rows.append(["one archive for all", "", "", "", len(one.carried), one.travel_bytes, _whole(one)])
        return pd.DataFrame(rows, columns=["site", "runtime", "store", "via", "layers", "bytes", "whole"])

    def _repr_html_(self) -> str:
        from ..report.plan_view import sheet

        most = max([*(_whole(plan) for plan in self.plans), 1])
        rows = "".join(_row(*row, most) for row in zip(self.names, self.plans, self.remarks, strict=True))
        rows += _row("one archive for all", self.together, "", most)
        head = "".join(f'<th scope="col">{name}</th>' for name in ("site", "layers", "travels", "", "of"))
        return (
            f'<style>{sheet()}</style><div class="layerkit"><div class="lk-main lk-plan"><div class="lk-scroll">'
            f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div></div></div>"
        )


def compare_sites(
    images: str | Image | Sequence[str | Image],
    sites: Sequence[Inventory | str | Path],
    *,
    store: Store | None = None,
    platform: str = "",
    progress: Progress = SILENT,
    **access: Unpack[Access],
) -> Fleet:
    """Say what a release would cost each of these sites, without sending anything.

    Parameters
    ----------
    images, platform, access
        The release, as for `plan_export`.
    sites
        Inventories, paths to them, or hosts that are asked now.

    Examples
    --------
    >>> fleet = compare_sites("oci:data/shop-oci:1.1", ["data/sites/berlin.json", "data/sites/porto.json"])
    >>> list(fleet.costs["layers"])
    [2, 12, 12]
    """
    held = tuple(read_targets(list(sites), access.get("reaching")))
    if not held:
        raise UsageError("no site is named")
    missing = (store or Store()).missing
    alignments = read_wanted(images, platform=platform, progress=progress, **access)
    planned = [plan_for(alignments, site, missing=missing) for site in held]
    plans, remarks = tuple(plan for plan, _ in planned), tuple(told for _, told in planned)
    return Fleet(held, plans, decide(alignments, held, missing=missing), remarks)


def _whole(plan: Plan) -> int:
    return plan.travel_bytes + plan.skip_bytes


def _row(name: str, plan: Plan, remark: str, most: int) -> str:
    share = 100 * plan.travel_bytes / most
    more = f'<br><span class="lk-note">{escape(printable(remark, 300))}</span>' if remark else ""
    bar = (
        f'<div class="lk-strip" style="height:14px;margin:0;width:{share:.1f}%" role="img" '
        f'aria-label="{share:.0f} % of the largest"><i class="lk-reuse"></i></div>'
    )
    return (
        f"<tr><td><code>{escape(printable(name, 80))}</code>{more}</td><td>{len(plan.carried)}</td>"
        f'<td>{size_text(plan.travel_bytes)}</td><td style="width:40%">{bar}</td>'
        f"<td>{size_text(_whole(plan))}</td></tr>"
    )
