"""Every sentence prints and is read back; every count has its direction; pasted text of any shape is understood."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest

from layerkit.messages import (
    BY_ID,
    SENTENCES,
    Match,
    Sentence,
    containerd,
    containers_image,
    docker,
    ggcr,
    golang,
    nearest,
    parse,
    registry,
)
from layerkit.messages.goquote import quote, quote_rune, unquote, unquote_rune
from layerkit.messages.sentence import split_template

RECORDED = [
    line.split("\t")
    for line in (Path(__file__).parent / "data" / "sentences.txt").read_text("utf-8").splitlines()
    if not line.startswith("#")
]
CAUSES = {
    "incremental-filter", "dedup-diff-ids", "history-as-layers", "schema1-empty-layers", "mixed-images",
    "stale-after-squash", "last-layer-only", "compressed-digests-as-diff-ids", "concatenated-archives",
    "truncated-copy",
    "utf16-redirect", "rootfs-export", "build-cache", "manifest-only-store", "wrong-base", "corrupt-copy",
    "missing-platform", "compression-unsupported", "unsafe-names", "no-registry-blob",
}  # fmt: skip
A, B, EMPTY = (
    "sha256:" + "1f" * 32,
    "sha256:" + "c07" * 21 + "9",
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
)
LENGTH = "invalid manifest, layers length mismatch: expected 25, got 36"


def one(text: str) -> Match:
    [match] = parse(text)
    return match


def ids(text: str) -> list[str]:
    return [match.sentence.id for match in parse(text)]


def invent(sentence: Sentence, seed: int) -> dict[str, str | int]:
    """Return values for all fields that no other sentence or sample uses."""
    values: dict[str, str | int] = {}
    for index, (_, name, kind) in enumerate(split_template(sentence.text)):
        number = seed * 37 + index * 11 + 3
        samples: dict[str, str | int] = {
            "": f"made-{number}/up.part", "d": number, "r": number, "h": f"sha256:{number:064x}",
            "q": f'a "{number}"\\b/c',
            "s": f"made{number}", "w": f"made/up:{number}",
        }  # fmt: skip
        if name:
            values.setdefault(name, samples[kind])
    return values


@pytest.mark.parametrize("sentence", SENTENCES, ids=lambda sentence: sentence.id)
@pytest.mark.parametrize("seed", [0, 1, 7])
def test_every_sentence_is_read_back_with_its_values(sentence: Sentence, seed: int) -> None:
    values = invent(sentence, seed)
    match = one(sentence.format(**values))
    assert match.sentence is sentence
    assert match.values == values
    assert match.means


@pytest.mark.parametrize("sentence", SENTENCES, ids=lambda sentence: sentence.id)
def test_every_sentence_is_complete(sentence: Sentence) -> None:
    assert sentence.said_by
    assert re.fullmatch(r"[a-z]+\.[a-z0-9-]+", sentence.id)
    assert all(sentence.describe(name) for name in sentence.names)
    assert not set(re.findall(r"{(\w+)}", sentence.means)) - set(sentence.names)
    assert set(sentence.fields) <= set(sentence.names)
    assert {*sentence.causes, *sentence.causes_more} <= CAUSES
    assert all(re.fullmatch(r"LK[1-4]\d\d", code) for code in sentence.codes)
    assert sentence.kind in ("wrapper", "success") or sentence.next
    if sentence.kind in ("count", "history", "content", "missing", "format", "compression", "platform", "tag"):
        assert sentence.codes
    first = split_template(sentence.text)[0]
    assert first[0] or first[2] == "q", "a sentence must begin with fixed text or a quote"


def test_ids_and_texts_are_unique() -> None:
    assert len(BY_ID) == len(SENTENCES) == len({sentence.text for sentence in SENTENCES})


DIRECTIONS: list[tuple[str, dict[str, int]]] = [
    ("invalid manifest, layers length mismatch: expected 25, got 36", {"manifest": 25, "diff_ids": 36}),
    (r"invalid manifest, layers length mismatch: expected '\x11', got '\x0e'", {"manifest": 17, "diff_ids": 14}),
    (r"invalid manifest, layers length mismatch: expected '\x19', got '$'", {"manifest": 25, "diff_ids": 36}),
    (r"invalid manifest, layers length mismatch: expected '\n', got '\u0100'", {"manifest": 10, "diff_ids": 256}),
    (r"invalid manifest, layers length mismatch: expected '\'', got '\\'", {"manifest": 39, "diff_ids": 92}),
    (r"layers length mismatch: expected \x11, got \x0e", {"manifest": 17, "diff_ids": 14}),
    (r"expected '\x11', got '\x0e'", {"manifest": 17, "diff_ids": 14}),
    ("length mismatch: expected 25, got 36", {"manifest": 25, "diff_ids": 36}),
    ("number of layers and diffIDs don't match: 4 != 3", {"manifest": 4, "diff_ids": 3}),
    ("number of layers and diffIDs don’t match: 4 != 3", {"manifest": 4, "diff_ids": 3}),
    ("invalid layer count mismatch 36 vs 25", {"diff_ids": 36, "manifest": 25}),
    ("Inconsistent layer count: 25 in manifest, 36 in config", {"manifest": 25, "diff_ids": 36}),
    (
        "config has 36 rootfs.diff_id(s) but tarball manifest only references 25 layer(s); the config may not",
        {"diff_ids": 36, "manifest": 25},
    ),
    (
        "tarball manifest references 25 layer(s) but config has 11 rootfs.diff_ids; the config may not describe",
        {"manifest": 25, "diff_ids": 11},
    ),
    ("mismatched fs layers (25) and diff ids (36)", {"manifest": 25, "diff_ids": 36}),
    ("history lists 12 non-empty layers, but we have 11 layers on disk", {"history": 12, "manifest": 11}),
    (
        "malformed image: config history references at least 12 non-empty layer(s), but only 11 layers",
        {"history": 12, "manifest": 11},
    ),
    ("image config has only 3 DiffID values, but a layer with index 3 exists", {"diff_ids": 3, "layer": 3}),
    ("panic: runtime error: index out of range [3] with length 2", {"index": 3, "length": 2}),
]


@pytest.mark.parametrize(("text", "values"), DIRECTIONS)
def test_which_number_is_which(text: str, values: dict[str, int]) -> None:
    match = one(text)
    assert match.values == values
    assert match.sentence.kind in ("count", "history")
    assert list(match.values) == list(match.sentence.names)


def test_every_count_with_numbers_has_its_direction_tested() -> None:
    counted = {s.text for s in SENTENCES if s.kind in ("count", "history") and s.names}
    assert counted == {one(text).sentence.text for text, _ in DIRECTIONS}


def test_direction_decides_meaning_and_causes() -> None:
    fewer = one(docker.LENGTH_MISMATCH.format(manifest=25, diff_ids=36))
    more = one(docker.LENGTH_MISMATCH.format(manifest=4, diff_ids=3))
    assert "manifest.json lists 25 layers, the config promises 36 diff IDs" in fewer.means
    assert (fewer.surplus, more.surplus) == (-11, 1)
    assert "11 diff IDs have no layer" in fewer.means
    assert "1 listed layer has no diff ID" in more.means
    assert fewer.causes[0] == "incremental-filter"
    assert more.causes[0] == "schema1-empty-layers"


def test_empty_stream_is_called_out() -> None:
    text = docker.INVALID_DIFF_ID.format(layer=0, expected=A, computed=EMPTY)
    assert "0 bytes" in one(text).means
    assert "0 bytes" in one(f"Digest did not match, expected {A}, got sha256:e3b0c442...").means
    assert "0 bytes" not in one(docker.INVALID_DIFF_ID.format(layer=0, expected=A, computed=B)).means


@pytest.mark.parametrize(("program", "expected", "text"), RECORDED)
def test_recorded_outputs(program: str, expected: str, text: str) -> None:
    matches = parse(text.replace(" ⏎ ", "\n"))
    assert ",".join(match.sentence.id for match in matches) == expected
    speaker = program.split()[0]
    for match in matches:
        assert match.program in ("", speaker, "podman" if speaker == "skopeo" else speaker)


def test_soft_failure_of_docker() -> None:
    inner = containerd.APPLY_LAYER.format(name="a/b:t") + containerd.WRONG_DIFF_ID.format(computed=EMPTY)
    text = docker.LOADED.format(name="a/b:t") + "\n" + containerd.UNPACKING.format(name="a/b:t") + inner
    match = one(text)
    assert match.sentence is containerd.WRONG_DIFF_ID
    assert [wrapper.sentence for wrapper in match.wrappers] == [containerd.UNPACKING, containerd.APPLY_LAYER]
    assert match.is_soft
    assert match.line == 2
    assert "exits with 0" in match.notes[0]
    assert not one(inner).is_soft


def test_success_is_told_only_where_nothing_failed() -> None:
    assert ids("Loaded image: a:t\nLoaded image: b:t") == ["docker.loaded", "docker.loaded"]
    assert ids(f"Loaded image: a:t\n{LENGTH}") == ["docker.length-mismatch"]


BULLETS = """Error: payload does not match any of the supported image formats:
 * oci: open /tmp/x.tar/index.json: not a directory
 * oci-archive: {oci}
 * docker-archive: {docker}
 * dir: open /tmp/x.tar/manifest.json: not a directory
"""
NO_INDEX = "loading index: open /var/tmp/container_images_oci1/index.json: no such file or directory"
NO_MANIFEST = 'loading tar component "manifest.json": file does not exist'
MISSING_BLOB = f"reading blob {A}: open /var/tmp/oci77/blobs/sha256/{A[7:]}: no such file or directory"
COUNT = "determining manifest MIME type for docker-archive:/tmp/x y.tar:a/b:t: "
COUNT += "Inconsistent layer count: 3 in manifest, 4 in config"


@pytest.mark.parametrize(
    ("oci", "archive", "expected"),
    [
        (NO_INDEX, COUNT, ["podman.layer-count"]),
        (MISSING_BLOB, NO_MANIFEST, ["golang.blob-file-absent"]),
        (MISSING_BLOB, COUNT, ["golang.blob-file-absent", "podman.layer-count"]),
        (NO_INDEX, NO_MANIFEST, ["podman.component-absent"]),
        (NO_INDEX, "words of a version to come", []),
    ],
)
def test_only_the_bullet_of_the_real_format_counts(oci: str, archive: str, expected: list[str]) -> None:
    text = BULLETS.format(oci=oci, docker=archive)
    for pasted in (text, text.replace("\n", "\r\n"), " ".join(text.split())):
        matches = parse(pasted)
        assert [match.sentence.id for match in matches] == expected
        for match in matches:
            assert match.program == "podman"
            assert "dir:" in match.notes[-1]


def test_bullets_inside_json() -> None:
    text = BULLETS.format(oci=NO_INDEX, docker=NO_MANIFEST.replace("manifest.json", "x.json"))
    match = one("host1 | FAILED! => " + json.dumps({"cmd": ["podman", "load"], "rc": 125, "stderr": text}))
    assert match.sentence is containers_image.COMPONENT_ABSENT
    assert match.values == {"member": "x.json"}
    assert match.bullet == "docker-archive"


@pytest.mark.parametrize("indent", [None, 2])
def test_json_escapes_are_resolved(indent: int | None) -> None:
    absent = containerd.LAYER_ABSENT.format(member='a "b"\\c/layer.tar')
    text = json.dumps({"errorDetail": {"message": absent}, "error": absent}, indent=indent)
    assert one(text).values == {"member": 'a "b"\\c/layer.tar'}
    apostrophe = json.dumps({"error": containerd.LAYERS_DIFFIDS.format(manifest=4, diff_ids=3)}, indent=indent)
    assert one(apostrophe.replace("'", "\\u0027")).values == {"manifest": 4, "diff_ids": 3}


def test_last_bullet_alone_is_said_to_mislead() -> None:
    assert "misleads" in one(" * dir: open /tmp/x.tar/manifest.json: not a directory").means


@pytest.mark.parametrize(
    "text",
    [
        f"Error response from daemon: {LENGTH}",
        f"\x1b[31m{LENGTH}\x1b[0m",
        f"“{LENGTH}”",
        f"  {LENGTH}.  \r\n",
        json.dumps({"errorDetail": {"message": LENGTH}, "error": LENGTH}),
        '{"stream":"Loading"}\r\n' + json.dumps({"errorDetail": {"message": LENGTH}, "error": LENGTH}) + "\r\n",
        '{"status":"x"}' + json.dumps({"errorDetail": {"code": 1, "message": LENGTH}, "error": LENGTH}),
        json.dumps({"log": json.dumps({"error": LENGTH}) + "\n", "stream": "stderr"}),
        f'time="2026-01-02T03:04:05Z" level=fatal msg="{LENGTH}"',
        f"web-1  | Error response from daemon: {LENGTH}",
        f'ERROR: command "docker exec kind-control-plane ctr" failed: {LENGTH}',
        'fatal: [host1]: FAILED! => {"changed": false, "msg": "Error loading image: ' + LENGTH + '"}',
        "invalid manifest, layers length mismatch:\nexpected 25, got 36",
        "invalid manifest, layers leng\nth mismatch: expected 25, got 36",
        "INVALID MANIFEST, LAYERS LENGTH MISMATCH: EXPECTED 25, GOT 36",
        "\ufeff" + "".join(char + "\0" for char in LENGTH),
    ],
)
def test_any_frame_is_taken_off(text: str) -> None:
    match = one(text)
    assert match.sentence is docker.LENGTH_MISMATCH
    assert match.values == {"manifest": 25, "diff_ids": 36}


def test_go_quoted_log_message() -> None:
    log = 'time="2026-01-02" level=fatal msg="initializing source docker-archive:x.tar: '
    log += 'loading tar component \\"manifest.json\\": file does not exist"'
    match = one(log)
    assert match.sentence is containers_image.COMPONENT_ABSENT
    assert match.values == {"member": "manifest.json"}
    assert match.program == "skopeo"
    assert match.wrappers[0].values == {"reference": "docker-archive:x.tar"}


def test_ctr_with_its_cleanup_line() -> None:
    text = (
        'time="2026-01-02" level=info msg="apply failure, attempting cleanup" error="wrong diff id calculated on '
        f'extraction \\"{A}\\"" key="extract-1"\nctr: wrong diff id calculated on extraction "{A}"'
    )
    assert one(text).values == {"computed": A}


def test_wrappers_are_kept_in_order() -> None:
    text = (
        "Error: unable to copy from source docker-archive:x.tar:a:t: writing blob: setting up to decompress blob: "
        f"happened during read: Digest did not match, expected {A}, got {B}"
    )
    match = one(text)
    assert match.sentence is containers_image.DIGEST_MISMATCH
    assert match.values == {"expected": A, "got": B}
    assert [wrapper.sentence for wrapper in match.wrappers] == [
        containers_image.COPY_SOURCE,
        containers_image.WRITING_BLOB,
        containers_image.DECOMPRESSING,
        containers_image.DURING_READ,
    ]


def test_a_wrapper_around_unknown_words_is_told() -> None:
    assert one("failed to unpack loaded image: words of a version to come").sentence is containerd.UNPACK_LOADED


@pytest.mark.parametrize(
    "digest", ["sha256:2138…05be", "sha256:2138ab...", "sha256:2138ab..05be", A, "sha512:" + "0d" * 64]
)
def test_shortened_digests(digest: str) -> None:
    assert one(f"ctr: content digest {digest}: not found").values == {"digest": digest}


def test_the_more_specific_sentence_wins() -> None:
    root = "open /var/lib/docker/tmp/docker-import-696424015/"
    tail = ": no such file or directory"
    assert ids(f"{root}repositories{tail}") == ["docker.no-repositories"]
    assert ids(f"{root}blobs/json{tail}") == ["docker.oci-as-v1"]
    assert ids(f"{root}abc/json{tail}") == ["docker.no-v1-json"]
    assert one(f"{root}sha256:3e5d.tar{tail}").values["path"] == "sha256:3e5d.tar"
    assert ids(f"failed to open it: open /x{tail}") == ["golang.no-such-file"]
    assert one(f"failed to open it: open /x{tail}").values == {"path": "/x"}
    assert ids("short read: expected 9 bytes but got 3: unexpected EOF") == ["containerd.short-read"]
    assert ids("unexpected EOF") == ["golang.unexpected-eof"]
    assert ids("Error: EOF") == ["golang.eof"]
    assert ids("cat <<EOF > file") == []


def test_a_whole_log_with_two_programs() -> None:
    text = "\n".join(
        ["$ docker load -i x.tar", "Loading layer  10kB/10kB", f"Error response from daemon: {LENGTH}", "",
         "$ ctr images import x.tar",
         "ctr: mismatched image rootfs and manifest layers", f"Error response from daemon: {LENGTH}"]
    )  # fmt: skip
    assert [(match.sentence.id, match.line, match.program) for match in parse(text)] == [
        ("docker.length-mismatch", 3, "docker"),
        ("containerd.mismatched-rootfs", 6, "ctr"),
    ]


@pytest.mark.parametrize(
    "text", ["", "   ", "hello world", "Successfully built 1234", "expected 3, got 4", "{", '{"a": [1, 2']
)
def test_unknown_text_matches_nothing(text: str) -> None:
    assert parse(text) == []


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("invalid manifest, layer length missmatch: want 25, have 36", docker.LENGTH_MISMATCH),
        ("too many nonempty layers in the history section", docker.TOO_MANY_HISTORY),
        ("Digest does not match, expected sha256:aa, received sha256:bb", containers_image.DIGEST_MISMATCH),
        ("some layer tar files missing from tarball", containers_image.LAYERS_MISSING),
        (f"first line\n{'noise ' * 50}\nerror: max depth was exceeded", docker.MAX_DEPTH),
        ("blob is unknown to this registry", registry.BLOB_UNKNOWN),
    ],
)
def test_nearest_of_unknown_text(text: str, sentence: Sentence) -> None:
    assert parse(text) == []
    assert nearest(text) is sentence


@pytest.mark.parametrize("text", ["", "\n", "0123", "zzzz qqqq xxxx"])
def test_nothing_is_near(text: str) -> None:
    assert nearest(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "open " * 300_000,
        "open /tmp/docker-import-1/" * 50_000,
        '"' * 1_000_000,
        '\\"' * 500_000,
        'msg="' * 200_000,
        "level=info " + 'msg="\\' * 170_000,
        '{"a":' * 200_000,
        "[" * 500_000 + "{" * 500_000,
        "{" * 1_000_000,
        "\x1b[" * 500_000,
        " * dir: " * 120_000,
        f"layer {'[1] diffid: ' * 80_000}",
        "".join(f"line {n} unexpected\n" for n in range(40_000)),
        "\n".join([LENGTH[:40]] * 20_000),
        "max depth exceeded " * 50_000,
        "content digest sha256:" + "ab" * 500_000,
        "".join(sentence.text[: len(sentence.text) * 2 // 3] for sentence in SENTENCES) * 60,
    ],
    ids=range(17),
)
def test_work_is_bounded_whatever_is_pasted(text: str) -> None:
    start = time.process_time()
    assert len(parse(text)) <= 200
    nearest(text)
    assert time.process_time() - start < 12


def test_only_the_end_of_a_huge_paste_is_read() -> None:
    assert parse(LENGTH + " " * 1_000_000) == []
    assert ids(" " * 2_000_000 + LENGTH) == ["docker.length-mismatch"]


def test_format_takes_exactly_its_fields() -> None:
    with pytest.raises(TypeError, match="takes \\['diff_ids', 'manifest'\\]"):
        docker.LENGTH_MISMATCH.format(manifest=1)
    with pytest.raises(TypeError, match="takes"):
        docker.MAX_DEPTH.format(layers=126)
    with pytest.raises(TypeError, match="int"):
        docker.LENGTH_MISMATCH.format(manifest="1", diff_ids=2)


def test_hostile_values_are_only_text() -> None:
    match = one(ggcr.NOT_IN_TAR.format(member="{0.__class__}{manifest}"))
    assert "{0.__class__}{manifest}" in match.means
    assert golang.JSON_TYPE.format(found="object", wanted="[]struct { A string }").endswith("{ A string }")


@pytest.mark.parametrize("number", [0, 7, 10, 14, 17, 25, 36, 39, 92, 127, 128, 160, 173, 256, 0x1F600, 0x10FFFF])
def test_runes_go_both_ways(number: int) -> None:
    assert unquote_rune(quote_rune(number)) == number


def test_go_quoting() -> None:
    assert [quote_rune(number) for number in (17, 14, 36, 10, 39, 92, 127, 128, -1)] == [
        r"'\x11'", r"'\x0e'", "'$'", r"'\n'", r"'\''", r"'\\'", r"'\x7f'", r"'\u0080'", "'\ufffd'",
    ]  # fmt: skip
    assert quote('a"b\\c\té\x01\u200b\U000e0001') == r'"a\"b\\c\té\x01\u200b\U000e0001"'
    for text in ('a"b\\c\té\x01\u200b', "", "\\n", "'"):
        assert unquote(quote(text)) == text
