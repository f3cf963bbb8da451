"""Every word of a prediction comes from `layerkit.messages`, so that `layerkit explain` knows whatever a model says."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import layerkit.loaders
from layerkit.frames import read_frames
from layerkit.loaders import LOADERS
from layerkit.messages import parse
from layerkit.messages.goquote import unquote
from tests.images import CASES, DEFECTS

from .generated import generate
from .odd import ODD

MODULES = sorted(Path(layerkit.loaders.__file__).parent.glob("*.py"))
RAISED = {"Refusal", "InvalidName", "Outcome"}
FRAMES = re.compile(
    r"^(?:ctr: |Error: |level=fatal msg=|docker-archive: |oci-archive: |oci: )+|^Loaded image(?: ID)?: .*$"
    r"|; the config may not describe a runnable image(?: \(for example, a buildkit cacheconfig\))?| exit status 1$"
    r"|NotFound: |InvalidArgument: |(?<!\w)(?:unknown|not implemented|failed precondition)$|; sha256:[0-9a-f]{64}$"
    r"|saving tarball ARCHIVE",
    re.MULTILINE,
)
"""What stands around sentences and is none: the names of programs and the classes of errors."""
NAMELESS = re.compile(r"(?:component|file) (?::| )")
"""Sentences about a path that is empty are not recognised."""


def archives() -> Iterator[tuple[str, bytes]]:
    yield from ((name, case(name)) for name, case in CASES.items())
    yield from ((name, defect()) for name, defect in DEFECTS.items())
    yield from ((name, bytes(make())) for name, (make, _) in ODD.items())
    yield from ((archive.name, archive.data) for archive in generate("words", 60))


def test_whatever_is_predicted_can_be_explained(tmp_path: Path) -> None:
    unknown: dict[str, str] = {}
    known: set[str] = set()
    path = tmp_path / "archive.tar"
    for name, data in archives():
        path.write_bytes(data)
        frames = read_frames(path, deep=True)
        for loader in LOADERS:
            text = loader.check(frames).message
            if text in known:
                continue
            known.add(text)
            rest = left_over(text)
            if re.search(r"[a-z]{4,}", rest) and not NAMELESS.search(text):
                unknown[rest] = f"{name}, {loader.full_name}: {text}"
    assert unknown == {}


def left_over(text: str) -> str:
    """A message without the sentences that are recognised in it."""
    if text.startswith("level=fatal msg="):
        text = unquote(text.removeprefix("level=fatal msg="))
    rest = text
    for match in parse(text):
        for piece in (match.text, *(wrapper.text for wrapper in match.wrappers)):
            rest = rest.replace(piece.strip(), " ")
    return FRAMES.sub("", rest)


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_no_model_has_words_of_its_own(module: Path) -> None:
    """What is raised or printed is put together from sentences; only what stands around them is written out."""
    own = []
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in RAISED:
            constants = [n.value for arg in node.args for n in ast.walk(arg) if isinstance(n, ast.Constant)]
            texts = [FRAMES.sub("", value) for value in constants if isinstance(value, str)]
            own += [text for text in texts if re.search(r"[A-Za-z]{2,} [A-Za-z]{2,}", text)]
    assert own == []
