"""A plan as a picture and a table: numbers as planned, signs beside colours, foreign text made harmless, bounded."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from layerkit.diagnosis import diagnose
from layerkit.export import Exported, export_image, plan_export
from layerkit.inventory import Inventory
from layerkit.plan import Plan
from layerkit.report.plan_view import duration, plan_html, sentence
from layerkit.report.proof import proof_html
from layerkit.samples import data_dir
from layerkit.store import Store

SHOP = f"oci:{data_dir() / 'shop-oci'}"


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """Six layers skipped, four reused, two to be fetched, one of them in part."""
    store = Store(tmp_path / "store")
    made = plan_export(f"{SHOP}:1.1", to=data_dir() / "sound-docker.tar", store=store)
    steps = [replace(step, size=1_000_000) for step in made.steps]
    steps[10] = replace(steps[10], action="fetch", reason="not on this machine", bytes=1_000_000)
    steps[11] = replace(steps[11], action="fetch", reason="partly here, resumed", bytes=400_000)
    return replace(made, steps=tuple(steps))


@pytest.fixture
def done(tmp_path: Path) -> Exported:
    return export_image(f"{SHOP}:1.1", tmp_path / "out.tar", store=Store(tmp_path / "store"))


def test_the_sentence_names_the_time_at_the_rate(plan: Plan) -> None:
    assert sentence(plan) == "6.0 MB of 12 MB travel, 1.4 MB of them to be fetched."
    assert sentence(plan, 50_000).endswith(" to be fetched: about 2 min at 0.05 MB/s.")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.2, "under a second"),
        (41, "about 41 s"),
        (99.4, "about 99 s"),
        (99.6, "about 2 min"),
        (360, "about 6 min"),
        (7200, "about 2 h"),
        (200_000, "about 2 days"),
    ],
)
def test_a_time_as_people_say_it(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_the_picture_tells_what_the_plan_says(plan: Plan) -> None:
    html = plan_html(plan)
    strip = re.search(r'<div class="lk-strip".*?</div>', html)
    assert strip is not None
    assert re.findall(r'<i class="lk-(\w+)"', strip[0]) == [step.action for step in plan.steps]
    assert 'aria-label="Layers of registry.example/shop/app:1.1 from the base up: 0 to 5 skip, 6.0 MB' in strip[0]
    assert "left out, the target has it (6 layers, 6.0 MB)" in html
    assert "carried, on this machine already (4 layers, 4.0 MB)" in html
    assert "carried, still to be fetched (2 layers, 2.0 MB)" in html
    assert html.count('<td><span class="lk-tag') == 12
    assert "partly here, resumed, 400 kB missing" in html
    for sign in ("– skip", "= reuse", "↓ fetch"):
        assert sign in html


def test_a_plan_shows_itself(plan: Plan) -> None:
    assert plan._repr_html_() == plan_html(plan)


def test_nothing_foreign_acts(plan: Plan) -> None:
    evil = "<script>alert(1)</script>\u202e"
    target = Inventory(host=evil)
    steps = tuple(replace(step, reason=evil) for step in plan.steps)
    html = plan_html(replace(plan, references=((evil,),), targets=(target,), steps=steps, why=evil))
    assert "<script" not in html
    assert "\u202e" not in html
    assert "&lt;script&gt;" in html


def test_many_images_and_layers_are_bounded(plan: Plan) -> None:
    many = tuple(replace(s, image=i, position=p) for i in range(40) for p, s in enumerate(plan.steps * 12))
    large = replace(plan, images=plan.images * 40, references=plan.references * 40, steps=many)
    html = plan_html(large)
    assert html.count('class="lk-strip"') == 12
    assert "and 28 more images" in html
    assert "more layers: <code>plan.frame</code>" in html
    assert len(html) < 400_000


def test_the_proof_says_where_and_what(done: Exported) -> None:
    html = done._repr_html_()
    assert html == proof_html(done)
    assert f"written to <code>{done.paths[0]}</code>" in html
    assert "diagnosed <b>sound</b>" in html
    assert "accepted by Docker, classic store" in html
    assert 'class="lk-no"' not in html
    assert "docker load -i out.tar" in html


def test_the_proof_does_not_hide_what_is_broken(done: Exported) -> None:
    html = proof_html(replace(done, report=diagnose(data_dir() / "wrong-bytes.tar", deep=True)))
    assert "diagnosed <b>broken</b>" in html
    assert 'class="lk-no"' in html
    assert "not for" not in html


def test_a_hostile_name_of_the_archive_is_quoted(done: Exported) -> None:
    html = proof_html(replace(done, paths=(Path("a b; rm <x>.tar"),)))
    assert "docker load -i &#x27;a b; rm &lt;x&gt;.tar&#x27;" in html
    parts = tuple(Path(f"a b.tar.{number:03d}") for number in range(3))
    assert "cat &#x27;a b.tar&#x27;.[0-9]* | docker load" in proof_html(replace(done, paths=parts))
