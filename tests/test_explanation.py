"""Every sentence is explained with its numbers on the right side; with the archive, which cause it is, or that it is
another archive."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

import layerkit
from layerkit import diagnose, explain
from layerkit.errors import SourceError, UsageError
from layerkit.explanation import FORMATS, MECHANISMS
from layerkit.explanation.comparison import Archive
from layerkit.explanation.plain import MOST
from layerkit.loaders import LOADERS, predict
from layerkit.messages import SENTENCES, Sentence, parse
from layerkit.samples import data_dir, samples
from tests.test_messages import DIRECTIONS, invent

DATA = data_dir()
TRIMMED = DATA / "trimmed-25-of-36.tar"
LENGTH = "invalid manifest, layers length mismatch: expected 25, got 36"
COUNTED = [sentence for sentence in SENTENCES if {"manifest", "diff_ids"} <= set(sentence.names)]


def squeeze(text: str) -> str:
    return " ".join(text.split())


def row(text: str, name: str) -> tuple[str, str]:
    """The value and the meaning that the text gives for a field."""
    found = re.search(rf"^  {name} +(\S+)   (.+)$", text, re.M)
    assert found, f"no line for {name} in\n{text}"
    return found[1], found[2]


@pytest.mark.parametrize("sentence", SENTENCES, ids=lambda sentence: sentence.id)
def test_every_sentence_is_explained(sentence: Sentence) -> None:
    values = invent(sentence, 5)
    told = explain(sentence.format(**values))
    assert told.found
    assert told.exit_code == 0
    [reading] = told.readings
    assert reading.id == sentence.id
    assert {field.name: field.value for field in reading.fields} == values
    text = told.render()
    flat = squeeze(text)
    for field in reading.fields:
        assert field.meaning
        assert field.meaning in flat
        assert str(field.value) in flat or field.shown in flat
    assert all(who in flat for who in sentence.said_by)
    assert squeeze(reading.means) in flat
    assert squeeze(sentence.next) in flat
    assert [cause for cause, _ in reading.causes] == [cause for cause in reading.match.causes if cause in flat]
    assert all(len(line) <= 80 for line in text.splitlines() if not line.strip().startswith("layerkit "))
    if sentence.kind not in ("network", "access", "space"):
        assert "    layerkit diagnose " in text


@pytest.mark.parametrize("sentence", COUNTED, ids=lambda sentence: sentence.id)
@pytest.mark.parametrize(("listed", "promised"), [(7, 90), (90, 7)])
def test_every_count_is_told_apart(sentence: Sentence, listed: int, promised: int) -> None:
    told = explain(sentence.format(manifest=listed, diff_ids=promised))
    text = told.render()
    value, meaning = row(text, "manifest")
    assert value == str(listed)
    assert meaning.startswith("layers")
    value, meaning = row(text, "diff_ids")
    assert value == str(promised)
    assert "diff ID" in meaning
    apart = "83 diff IDs have no layer." if listed < promised else "83 listed layers have no diff ID."
    assert apart in squeeze(text)
    first = told.readings[0].causes[0][0]
    assert (first == "incremental-filter") == (listed < promised)


@pytest.mark.parametrize(("text", "values"), DIRECTIONS, ids=[text[:60] for text, _ in DIRECTIONS])
def test_what_runtimes_really_print_has_its_direction(text: str, values: dict[str, int]) -> None:
    shown = explain(text).render()
    for name, number in values.items():
        assert row(shown, name)[0] == str(number)


def test_the_headline() -> None:
    told = explain(LENGTH, archive=TRIMMED)
    text = told.render()
    assert row(text, "manifest") == ("25", "layers listed in manifest.json (Layers)")
    assert row(text, "diff_ids") == ("36", "diff IDs in the image config (rootfs.diff_ids)")
    flat = squeeze(text)
    assert "This is the archive: manifest.json lists 25 layers, the config promises 36." in flat
    assert "incremental-filter (certain): " in flat
    assert "Printed for it by: Docker, classic store 29.7, 28.5, 26.1, 20.10." in flat
    assert "Possible causes" not in text
    [here] = told.here
    assert here.agrees is True
    [cause] = here.causes
    assert (cause.id, cause.confidence) == ("incremental-filter", "certain")
    assert cause.evidence
    assert all(squeeze(fact) in flat for fact in (*cause.evidence, cause.message, cause.fix))
    assert {verdict.name for verdict in here.loaders} == {
        f"docker-classic@{version}" for version in ("29.7", "28.5", "26.1", "20.10")
    }


@pytest.mark.parametrize(
    ("text", "archive", "says"),
    [
        (LENGTH.replace("25", "24"), TRIMMED, "here manifest.json lists 25 layers, the config promises 36."),
        (LENGTH, DATA / "sound-docker.tar", "here manifest.json lists 6 layers, the config promises 6."),
        (LENGTH, DATA / "two-images.tar", "here no image has these numbers."),
        (LENGTH.replace("25, got 36", "36, got 25"), TRIMMED, "The two numbers are the other way round."),
        (
            f'invalid diffID for layer 3: expected "sha256:{"1f" * 32}", got "sha256:{"2f" * 32}"',
            DATA / "wrong-bytes.tar",
            "nothing here has that digest.",
        ),
    ],
)
def test_a_text_about_another_archive(text: str, archive: Path, says: str) -> None:
    told = explain(text, archive=archive)
    assert told.here[0].agrees is False
    assert told.here[0].causes == ()
    shown = told.render()
    assert "This text is about another archive, or another copy of it: " in squeeze(shown)
    assert says in squeeze(shown)
    assert "Possible causes, the likeliest first" in shown
    assert "layerkit diagnose ARCHIVE" in shown
    assert told.exit_code == 0


def test_what_a_program_says_of_an_archive_is_recognised_as_said_of_it() -> None:
    """The way round: what the models print for every sample agrees with it, and names the model that printed it."""
    seen, messages = set(), 0
    for sample in samples():
        report = diagnose(sample.path, deep=True)
        archive = Archive(report)
        for verdict in predict(report.frames, [loader.full_name for loader in LOADERS]):
            said = [archive.compare(match) for match in parse(verdict.message)]
            if verdict.loads is True or not said:
                continue
            assert all(here.agrees for here in said), (sample.name, verdict)
            assert any(verdict in here.loaders for here in said), (sample.name, verdict)
            seen.add(verdict.loader)
            messages += 1
    assert len(seen) >= 5
    assert messages > 100


def test_what_differs_between_two_runs_does_not_matter() -> None:
    report = diagnose(DATA / "full-list-files-absent.tar")
    [verdict] = predict(report.frames, ["docker-classic@26.1"])
    assert "<ROOT>/tmp/docker-import-NNN/" in verdict.message
    real = verdict.message.replace("<ROOT>", "/var/lib/docker").replace("NNN", "2718281828")
    [here] = explain(f"Error response from daemon: {real}", archive=report).here
    assert here.agrees
    assert verdict in here.loaders


def test_a_digest_that_a_program_may_have_made_itself_proves_nothing() -> None:
    """containerd writes the manifest of a docker-archive itself: its digest is nowhere in the archive."""
    text = f"content digest sha256:{'1f' * 32}: not found"
    assert explain(text, archive=DATA / "sound-docker.tar").here[0].agrees is None
    assert explain(text, archive=DATA / "sound-oci.tar").here[0].agrees is False


def test_of_a_success_it_says_where_it_is_none() -> None:
    report = diagnose(TRIMMED)
    name = report.images[0].name
    [here] = explain(f"Loaded image: {name}", archive=report).here
    assert here.agrees
    assert here.loaders
    assert all(verdict.silent for verdict in here.loaders)
    assert "exit code 0, and yet the image is unusable" in squeeze(
        explain(f"Loaded image: {name}", archive=report).render()
    )


def test_what_the_values_of_a_text_are_in_the_archive() -> None:
    report = diagnose(DATA / "wrong-bytes.tar", deep=True)
    layer = next(layer for layer in report.images[0].alignment.layers if layer.state == "wrong")
    assert layer.measured is not None
    text = f'invalid diffID for layer 3: expected "{layer.diff_id}", got "{layer.measured.diff_id}"'
    [here] = explain(text, archive=report).here
    assert here.agrees
    assert here.facts == (
        f"{layer.diff_id} is the diff ID of layer {layer.position}, other bytes",
        f"{layer.measured.diff_id} is what the file of layer {layer.position} really holds",
    )
    [short] = explain(f"content digest {str(layer.diff_id)[:23]}...: not found", archive=report).here
    assert short.facts == (f"{str(layer.diff_id)[:23]}... is the diff ID of layer {layer.position}, other bytes",)


def test_a_layer_that_is_missing_and_one_that_is_there() -> None:
    report = diagnose(DATA / "full-list-files-absent.tar")
    layers = report.images[0].alignment.layers
    absent = next(layer for layer in layers if layer.state == "absent")
    there = next(layer for layer in layers if layer.state == "ok")
    [here] = explain(f'layer "{absent.path}" not found', archive=report).here
    assert here.agrees
    assert here.facts == (f"{absent.path} is layer {absent.position}, listed, not stored",)
    [here] = explain(f'layer "{there.path}" not found', archive=report).here
    assert not here.agrees


def test_layers_are_read_only_where_the_text_is_about_their_contents() -> None:
    count = explain(LENGTH, archive=TRIMMED)
    assert count.report is not None
    assert not count.report.deep
    wrong = explain(f'wrong diff id calculated on extraction "sha256:{"2f" * 32}"', archive=TRIMMED)
    assert wrong.report is not None
    assert wrong.report.deep


def test_a_report_is_used_as_it_is() -> None:
    report = diagnose(TRIMMED)
    assert explain(LENGTH, archive=report).report is report


def test_a_sound_archive_points_elsewhere() -> None:
    [here] = explain("max depth exceeded", archive=DATA / "sound-docker.tar").here
    assert here.agrees is None
    assert "Nothing is wrong with this archive" in here.message


def test_an_unknown_text() -> None:
    told = explain("layer count looks odd: 3 in the manifest, 4 elsewhere in config")
    assert not told.found
    assert told.exit_code == 1
    assert told.nearest is not None
    assert told.nearest.id == "podman.layer-count"
    text = told.render()
    assert text.startswith("No sentence that layerkit knows is in this text.\n")
    assert "Inconsistent layer count: <manifest> in manifest, <diff_ids> in config" in squeeze(text)
    assert "layerkit diagnose ARCHIVE" in text
    assert explain("").nearest is None
    assert not explain("").found


def test_an_unknown_text_with_its_archive() -> None:
    told = explain("it does not work", archive=TRIMMED)
    assert told.here == ()
    assert "broken: manifest.json lists 25 of the 36 layers" in squeeze(told.render())
    assert "It is" not in told.render()


def test_an_archive_that_is_not_there() -> None:
    with pytest.raises(SourceError):
        explain(LENGTH, archive="/no/such.tar")


def test_podman_and_what_stands_around_a_sentence() -> None:
    told = explain(
        "Error response from daemon: failed to unpack loaded image: mismatched image rootfs and manifest layers"
    )
    [reading] = told.readings
    assert reading.around[0][0] == "failed to unpack loaded image"
    assert "the broken record stays" in squeeze(told.render())
    bullets = (
        "Error: payload does not match any of the supported image formats:\n"
        " * oci: open /tmp/x/index.json: not a directory\n"
        " * oci-archive: loading index: open /var/tmp/y/index.json: no such file or directory\n"
        " * docker-archive: writing blob: Inconsistent layer count: 25 in manifest, 36 in config\n"
        " * dir: open /tmp/x/manifest.json: not a directory\n"
    )
    told = explain(bullets, archive=TRIMMED)
    assert [reading.id for reading in told.readings] == ["podman.layer-count"]
    assert "only the line docker-archive: is about this file" in squeeze(told.render())
    assert told.here[0].agrees


def test_a_long_log_is_cut_where_people_read_and_whole_in_json() -> None:
    log = "\n".join(f"content digest sha256:{number:064x}: not found" for number in range(20))
    told = explain(log)
    assert len(told.readings) == 20
    assert f"{20 - MOST} more sentences are in the text" in told.render()
    assert f"{20 - MOST} more sentences are in the text" in told._repr_html_()
    assert told.render().count("Said by") == MOST
    assert len(json.loads(told.render("json"))["sentences"]) == 20


def test_json_is_a_contract() -> None:
    value = json.loads(explain(LENGTH, archive=TRIMMED).render("json"))
    assert value.keys() == {"schema", "found", "sentences", "nearest", "archive"}
    assert value["schema"] == "layerkit.explanation/1"
    assert value["found"] is True
    assert value["nearest"] is None
    assert value["archive"]["outcome"] == "broken"
    [sentence] = value["sentences"]
    assert sentence["id"] == "docker.length-mismatch"
    assert sentence["text"] == LENGTH
    assert [(field["name"], field["value"]) for field in sentence["fields"]] == [("manifest", 25), ("diff_ids", 36)]
    assert sentence["causes"][0] == {"id": "incremental-filter", "words": MECHANISMS["incremental-filter"]}
    assert sentence["commands"][0] == f"layerkit diagnose {TRIMMED}"
    assert sentence["here"]["agrees"] is True
    assert sentence["here"]["causes"][0]["confidence"] == "certain"
    assert "docker-classic@20.10" in sentence["here"]["loaders"]
    unknown = json.loads(explain("layer count looks odd in manifest, in config").render("json"))
    assert unknown["found"] is False
    assert unknown["sentences"] == []
    assert unknown["nearest"]["id"]
    assert unknown["archive"] is None


HOSTILE = 'Error unpacking image a<script>alert(1)</script>\u202e|`x`: layer "<img/src=x>\x07|`" not found'


@pytest.mark.parametrize("form", [*FORMATS, "html"])
def test_foreign_text_does_nothing(form: str) -> None:
    told = explain(HOSTILE)
    assert told.found
    shown = told._repr_html_() if form == "html" else told.render(form)
    assert not set(shown) & set("\x1b\x07\u202e")
    if form == "html":
        assert "<script>alert" not in shown
        assert "<img/src" not in shown
        assert "&lt;img/src=x&gt;" in shown
    if form == "md":
        outside = re.sub(r"(`+) ?.*?\1", "", shown)
        assert "<img/src" not in outside


def test_the_notebook_shows_the_same() -> None:
    told = explain(LENGTH, archive=TRIMMED)
    html, mark = told._repr_html_(), told._repr_markdown_()
    for shown in (html, mark):
        assert "incremental-filter" in shown
        assert "layers listed in manifest.json" in shown
    assert html.startswith("<style>.layerkit.layerkit.layerkit{")
    assert 'lk-good">this archive</span>' in html
    assert "| manifest | `25` | layers listed in manifest.json (Layers) |" in mark
    assert 'lk-warn">another archive</span>' in explain(LENGTH, archive=DATA / "sound-docker.tar")._repr_html_()
    assert str(told) == told.render("text")


def test_the_heading_is_short_and_nothing_is_lost() -> None:
    html = explain(f"content digest sha256:{'1f' * 32}: not found")._repr_html_()
    heading = re.search(r"<h1>(.*?)</h1>", html)
    assert heading
    assert heading[1] == f"The blob sha256:{'1f' * 6}… is neither in the archive nor in the store."
    assert '<p class="lk-why">It may be a layer, a config, or the manifest of another platform' in html
    assert f"<td><code>sha256:{'1f' * 32}</code></td>" in html


def test_an_unknown_format() -> None:
    with pytest.raises(UsageError, match="expected text, json, md"):
        explain(LENGTH).render("yaml")


def test_every_cause_has_words() -> None:
    """Of the sentences, and of the package that finds causes, by its own source."""
    named = {cause for sentence in SENTENCES for cause in (*sentence.causes, *sentence.causes_more)}
    for path in (Path(layerkit.__file__).parent / "causes").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Cause":
                first = node.args[0] if node.args else None
                named |= {first.value} if isinstance(first, ast.Constant) and isinstance(first.value, str) else set()
    assert named <= MECHANISMS.keys()
    assert all(words.endswith(".") and len(words) < 120 for words in MECHANISMS.values())


def test_a_command_names_the_archive_so_that_a_shell_takes_it(tmp_path: Path) -> None:
    path = tmp_path / "my archive.tar"
    path.write_bytes(TRIMMED.read_bytes())
    assert f"layerkit diagnose '{path}'" in explain(LENGTH, archive=path).render()
    pulled = explain("manifest unknown: manifest unknown").render()
    assert "layerkit diagnose docker://IMAGE" in pulled
