"""What is quick for plain archives says the same as the full walk, whatever the archive is."""

from __future__ import annotations

import io
import random
import time
from pathlib import Path

import pytest

from layerkit.frames import read_frames
from layerkit.loaders import DEFAULT, predict
from layerkit.loaders.gojson import FLAG, NUMBER, TEXT, TIME, WORDS, _fits, list_of, map_of, mistyped, struct
from layerkit.loaders.gotar import is_plainly_whole, unpack
from layerkit.loaders.tree import OutOfScope, Place, TooManyLinks, Tree
from tests.images import Spec, docker_archive, hybrid, layer, stack

from .generated import generate


def test_a_plainly_whole_layer_is_whole() -> None:
    dice = random.Random(7)
    plain = 0
    for number in range(600):
        data = bytearray(layer("shortcut", number, dice.choice((0, 700, 5000))))
        for _ in range(dice.choice((0, 1, 1, 2))):
            data[dice.randrange(min(len(data), 1200))] ^= 1 << dice.randrange(8)
        cut = bytes(data[: dice.choice((len(data), len(data), dice.randrange(len(data))))])
        if is_plainly_whole(cut):
            plain += 1
            assert unpack(io.BytesIO(cut), "") == ""
    assert plain > 100


def test_a_plain_tree_finds_what_any_tree_finds(tmp_path: Path) -> None:
    path = tmp_path / "archive.tar"
    for archive in generate("tree", 120):
        path.write_bytes(archive.data)
        members = read_frames(path).archive.members.all  # type: ignore[union-attr]
        plain, full = Tree(members), Tree(members)
        full._plain = None
        for name in {n for member in members for n in (member.name, f"./{member.name}", f"{member.name}/x")}:
            assert find(plain, name) == find(full, name), archive.name


def find(tree: Tree, name: str) -> Place | str:
    try:
        return tree.find(name)
    except (OutOfScope, TooManyLinks) as error:
        return repr(error)


def test_what_fits_is_not_mistyped() -> None:
    inner = struct("Inner", text=TEXT, flag=FLAG, number=NUMBER, time=TIME, words=WORDS, map=map_of(TEXT))
    shape = list_of(struct("Outer", inner=inner, texts=list_of(TEXT)))
    dice = random.Random(3)
    values = ["x", "2020-01-02T03:04:05Z", 5, 1.5, True, None, [], ["a"], [1], {}, {"a": "b"}, {"a": 1}]
    fitting = 0
    for _ in range(3000):
        fields = {name: dice.choice(values) for name in dice.sample(list(inner.fields), 3)}
        value = [{"inner": dice.choice([fields, fields, None, []]), "Texts": dice.choice(values)}]
        fits = _fits(value, shape)
        fitting += fits
        assert fits == (mistyped(value, shape) == ""), value
    assert fitting > 100


@pytest.mark.parametrize(("layers", "form"), [(36, docker_archive), (120, hybrid)])
def test_the_whole_table_is_quick(layers: int, form: object, tmp_path: Path) -> None:
    """The benchmark holds it to 20 ms by the clock; this to 60 ms of processor time, whatever else runs."""
    assert callable(form)
    path = form(Spec(stack("quick", range(layers)))).write(tmp_path / "archive.tar")
    taken = []
    for _ in range(5):
        frames = read_frames(path)
        start = time.process_time()
        assert len(list(predict(frames, DEFAULT))) == len(DEFAULT)
        taken.append(time.process_time() - start)
    assert min(taken) < 0.06
