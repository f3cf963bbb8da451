"""Find the sentences of runtimes in text that somebody pasted, and the nearest one where none is found."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from functools import lru_cache

from layerkit.messages import containerd, containers_image, golang
from layerkit.messages.catalogue import SENTENCES
from layerkit.messages.segments import Segment, split
from layerkit.messages.sentence import Sentence, Value, split_template

FAILURES = 500
MATCHES = 200
JOINED_LINES = 40

EMPTY_STREAM = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
SOFT = "Docker exits with 0 in spite of this, after Loaded image: the image is recorded and unusable."
LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
ERRORLIKE = re.compile(
    r"error|fail|fatal|invalid|mismatch|missing|unexpected|unable|cannot|can't|not |wrong|panic", re.I
)
PROBES = ("oci", "dir")


@dataclass(frozen=True, slots=True)
class Match:
    """A sentence found in text.

    `values` holds the fields (counts as int), `text` the words as they were found, `line` counts from 1, `wrappers`
    are the sentences in front of this one, outermost first, `bullet` is the format podman tried, `program` who spoke
    where the frame tells, `notes` what the place of the sentence adds to its meaning.
    """

    sentence: Sentence
    values: Mapping[str, Value]
    text: str
    line: int = 1
    wrappers: tuple[Match, ...] = ()
    bullet: str = ""
    program: str = ""
    notes: tuple[str, ...] = field(default=())

    @property
    def surplus(self) -> int:
        """How many more layers were listed than the config promises: negative where fewer, 0 if not counted."""
        listed, promised = self.values.get("manifest"), self.values.get("diff_ids")
        return listed - promised if isinstance(listed, int) and isinstance(promised, int) else 0

    @property
    def means(self) -> str:
        """What the sentence means, with the values of this match."""
        text = self.sentence.means.format(**self.values)
        if self.surplus > 0:
            text += f" {self.surplus} listed {'layer has' if self.surplus == 1 else 'layers have'} no diff ID."
        elif self.surplus < 0:
            text += f" {-self.surplus} diff {'ID has' if self.surplus == -1 else 'IDs have'} no layer."
        if self.is_empty_stream:
            text += " That digest, sha256:e3b0c442..., is the one of nothing at all: the layer was 0 bytes."
        return text

    @property
    def is_empty_stream(self) -> bool:
        """Whether one of the digests is that of zero bytes."""
        digests = (str(value).removeprefix("sha256:").rstrip(".…") for value in self.values.values())
        return any(len(digest) >= 8 and EMPTY_STREAM.startswith(digest.lower()) for digest in digests)

    @property
    def causes(self) -> tuple[str, ...]:
        """The possible causes, most likely first, for the direction in which the counts differ."""
        more = self.surplus > 0 and self.sentence.causes_more
        return self.sentence.causes_more if more else self.sentence.causes

    @property
    def is_soft(self) -> bool:
        """Whether the program exited with 0 although the image is unusable."""
        return any(wrapper.sentence is containerd.UNPACKING for wrapper in (self, *self.wrappers))


def parse(text: str) -> list[Match]:
    """Return the sentences in `text`, in its order, each once.

    The text may be a whole log. Of nested texts the innermost sentence counts, those around it are its `wrappers`;
    of overlapping ones the one with more fixed text. Of podman's bullets only those of the file's real format are
    returned. A success (``Loaded image: X``) is returned only where nothing failed. Work is bounded: the last
    million characters, a few hundred matches, linear time.
    """
    segments = split(text)
    matches = select_bullets(find_all(segments), segments)
    if not any(match.sentence.kind not in ("wrapper", "success") for match in matches):
        matches = find_across_lines(segments) or matches
    for lesser in ("success", "wrapper"):
        if any(match.sentence.kind != lesser for match in matches):
            matches = [match for match in matches if match.sentence.kind != lesser]
    return matches


def find_across_lines(segments: list[Segment]) -> list[Match]:
    """Return what shows once lines that a terminal broke are put together again."""
    if 1 < len(segments) <= JOINED_LINES and not any(segment.bullet for segment in segments):
        for glue in (" ", ""):
            joined = glue.join(segment.text.strip() for segment in segments)
            matches = find_all(split(joined))
            if any(match.sentence.kind not in ("wrapper", "success") for match in matches):
                return matches
    return []


def find_all(segments: Iterable[Segment]) -> list[Match]:
    """Return the sentences of all segments, each with the same values once."""
    lowered = [(segment, segment.text.translate(LOWER)) for segment in segments]
    everything = "\n".join(lower for _, lower in lowered)
    candidates = [
        sentence for sentence in SENTENCES if all(literal in everything for literal in find_literals(sentence))
    ]
    budget = dict.fromkeys(candidates, FAILURES)
    found: dict[tuple[str, str, tuple[Value, ...]], Match] = {}
    for segment, lower in lowered:
        for match in read_segment(segment, lower, candidates, budget):
            found.setdefault((match.sentence.id, match.bullet, tuple(match.values.values())), match)
            if len(found) >= MATCHES:
                return list(found.values())
    return list(found.values())


@lru_cache(maxsize=1024)
def find_literals(sentence: Sentence) -> tuple[str, ...]:
    """Return the fixed parts of a sentence, the longest first: it is the one that most text lacks."""
    return tuple(sorted(sentence.literals, key=len, reverse=True))


def read_segment(segment: Segment, lower: str, candidates: list[Sentence], budget: dict[Sentence, int]) -> list[Match]:
    """Return the matches of one segment from left to right, wrappers inside the matches they lead to."""
    spans: list[tuple[int, int, int, re.Match[str], Sentence]] = []
    for sentence in candidates:
        if all(literal in lower for literal in find_literals(sentence)):
            spans.extend(
                (-sentence.weight, -hit.start(), hit.end(), hit, sentence)
                for hit in find_hits(sentence, segment.text, lower, budget)
            )
    chosen: list[tuple[int, int, re.Match[str], Sentence]] = []
    for _, negative_start, end, hit, sentence in sorted(spans, key=lambda span: span[:3])[: 2 * MATCHES]:
        start = -negative_start
        if all(end <= other_start or start >= other_end for other_start, other_end, _, _ in chosen):
            chosen.append((start, end, hit, sentence))
    matches: list[Match] = []
    wrappers: list[Match] = []
    for _, _, hit, sentence in sorted(chosen, key=lambda item: item[0]):
        match = Match(sentence, sentence.read(hit), hit[0], segment.line, (), segment.bullet, segment.program)
        if sentence.kind == "wrapper":
            wrappers.append(match)
            continue
        matches.append(complete(match, wrappers))
        wrappers = []
    if wrappers and not matches:
        matches.append(complete(wrappers[-1], wrappers[:-1]))
    return matches


def complete(match: Match, wrappers: list[Match]) -> Match:
    """Return the match with what stood in front of it."""
    match = replace(match, wrappers=tuple(wrappers))
    return replace(match, notes=(SOFT,)) if match.is_soft else match


def find_hits(sentence: Sentence, text: str, lower: str, budget: dict[Sentence, int]) -> list[re.Match[str]]:
    """Return where one sentence stands in the text.

    The search goes from right to left, so that of two places to begin the tighter one wins; from left to right
    where the sentence begins with a quoted field, which may hold quotes itself. Attempts that fail are
    counted over the whole text, and a sentence that fails too often is given up.
    """
    hits: list[re.Match[str]] = []
    forwards = sentence.anchor == '"'
    position = lower.find(sentence.anchor) if forwards else lower.rfind(sentence.anchor)
    while position >= 0 and budget[sentence] > 0 and len(hits) < MATCHES:
        hit = sentence.match(text, position)
        if hit:
            hits.append(hit)
        else:
            budget[sentence] -= 1
        if forwards:
            position = lower.find(sentence.anchor, hit.end() if hit else position + 1)
        else:
            position = lower.rfind(sentence.anchor, 0, position + len(sentence.anchor) - 1)
    return hits


def select_bullets(matches: list[Match], segments: list[Segment]) -> list[Match]:
    """Keep only the bullets about the real format of the file; podman prints one for every format it tried."""
    bullets = [segment.bullet for segment in segments if segment.bullet]
    if not bullets:
        return matches
    told = [match for match in matches if match.bullet]
    real = [match for match in told if not is_probe(match)]
    known = {match.bullet for match in told}
    unknown = [bullet for bullet in bullets if bullet not in known and bullet not in PROBES]
    if not real and unknown:
        kept = []
    elif not real:
        kept = [match for match in told if match.bullet == "docker-archive"] or told[:1]
    else:
        kept = real
    formats = " and ".join(dict.fromkeys(f"{match.bullet}:" for match in kept))
    note = f"podman tried {len(set(bullets))} formats; only the line {formats} is about this file"
    note += ", and the last line, dir:, misleads." if "dir" in bullets else "."
    if kept and not real:
        note = "podman found none of its formats in this file; the last line, dir:, only says that it is a file."
    spoken = [match for match in matches if not match.bullet and match.sentence is not containers_image.UNSUPPORTED]
    return spoken + [replace(match, notes=(*match.notes, note)) for match in kept]


def is_probe(match: Match) -> bool:
    """Whether a bullet only says that the file is not of the format that was tried."""
    if match.bullet in PROBES and "not a directory" in match.text:
        return True
    if match.bullet == "oci-archive":
        return match.sentence is golang.NO_SUCH_FILE and str(match.values["path"]).endswith("index.json")
    absent = (containers_image.COMPONENT_ABSENT, containers_image.COMPONENT_ABSENT_OLD)
    return match.bullet == "docker-archive" and match.sentence in absent and match.values["member"] == "manifest.json"


def nearest(text: str) -> Sentence | None:
    """Return the sentence most like the text, or None where nothing is alike; bounded like `parse`."""
    segments = split(text)
    segments = [segment for segment in segments if ERRORLIKE.search(segment.text)] or segments
    segments = [segment for segment in segments[-JOINED_LINES:] if not find_all([segment])][-8:]
    best: tuple[float, Sentence | None] = (0.3, None)
    for segment in segments:
        words = simplify(segment.text[:300])
        grams = cut_trigrams(words)
        ranked = sorted(
            (
                (2 * len(grams & other) / (len(grams) + len(other) or 1), sentence)
                for sentence in SENTENCES
                if (other := cut_trigrams(outline(sentence)))
            ),
            key=lambda pair: pair[0],
        )
        for overlap, sentence in ranked[-5:]:
            ratio = SequenceMatcher(None, words, outline(sentence), autojunk=False).ratio()
            best = max(best, ((ratio + overlap) / 2, sentence), key=lambda pair: pair[0])
    return best[1]


@lru_cache(maxsize=1024)
def outline(sentence: Sentence) -> str:
    """Return the fixed words of a sentence, as `simplify` leaves them."""
    return simplify("#".join(literal for literal, _, _ in split_template(sentence.text)))


def simplify(text: str) -> str:
    """Return text with digests, numbers, quoted names and paths taken out, in lower case."""
    text = re.sub(r'"[^"]{0,300}"|sha256:\w+|\b[0-9a-f]{12,}\b|\d+|(?<!\w)\S{0,200}/\S{0,200}', "#", text.lower())
    return " ".join(text.split())


@lru_cache(maxsize=1024)
def cut_trigrams(text: str) -> frozenset[str]:
    """Return all runs of three characters."""
    return frozenset(text[i : i + 3] for i in range(len(text) - 2))
