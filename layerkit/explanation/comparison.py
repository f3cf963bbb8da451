"""One text and one archive: whether the text is about it, which of its causes it is, and which loader prints it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from ..digest import sha256
from ..finding import Cause
from ..image import Manifest
from ..loaders import LOADERS, predict
from ..messages import Match, parse
from ..report import Report, words
from ..text import printable
from ..verdict import Verdict

_PROMISED = ("expected", "diff_id", "digest", "descriptor")
"""Fields whose digest a manifest or a config names; what was computed is in none of them, or the text would not be."""
_DIGESTS = (*_PROMISED, "computed", "got", "found")
_NAMED = ("member", "path")
_SHORT = len("sha256:01234567")
_THERE = "there"
_FREE = ("temp", "root", "archive", "reference", "name", "image")
"""Fields that depend on the run or on the machine and not on the archive."""
_SILENT = " (exit code 0, and yet the image is unusable)"
_MOST = 3
_RANK = {"certain": 0, "likely": 1, "possible": 2}


@dataclass(frozen=True, slots=True)
class Here:
    """What an archive adds to one sentence.

    `agrees` is None where the archive cannot tell. `facts` say what in it the values of the text are. `causes` are the
    archive's own, those that may lead to this sentence, the surest first. `loaders` print this very text for it.
    """

    agrees: bool | None
    message: str
    facts: tuple[str, ...] = ()
    causes: tuple[Cause, ...] = ()
    loaders: tuple[Verdict, ...] = ()


class Archive:
    """A diagnosed archive, asked about one sentence after the other."""

    def __init__(self, report: Report) -> None:
        self.report = report
        verdicts = tuple(predict(report.frames, [loader.full_name for loader in LOADERS]))
        self._said = [(verdict, parse(verdict.message)) for verdict in verdicts]
        self._known = dict(reversed(list(_digests(report))))
        images = chain.from_iterable(image.causes for image in report.images)
        self._causes = sorted(dict.fromkeys((*report.causes, *images)), key=lambda cause: _RANK[cause.confidence])

    def compare(self, match: Match) -> Here:
        """Whether `match` is about this archive, and what in it makes a runtime say so."""
        loaders = tuple(verdict for verdict, said in self._said if _prints(verdict, said, match))
        agrees, message, facts = self._numbers(match)
        if agrees is None:
            agrees, message, facts = self._names(match)
        if loaders and not agrees:
            agrees, message = True, "This is the archive: this is what is said of it."
        if agrees is None:
            agrees, message = self._otherwise(match)
        return Here(agrees, message, facts, self._why(match) if agrees is not False else (), loaders)

    def _why(self, match: Match) -> tuple[Cause, ...]:
        fitting = [cause for cause in self._causes if cause.id in match.causes]
        return tuple((fitting or self._causes)[:_MOST])

    def _numbers(self, match: Match) -> tuple[bool | None, str, tuple[str, ...]]:
        """Counts of the text against those of every image, as each of its manifests has them."""
        listed, promised = match.values.get("manifest"), match.values.get("diff_ids")
        claims = [
            (image, manifest, len(manifest.layers), len(image.alignment.config.diff_ids))
            for image in self.report.images
            for manifest in image.alignment.image.manifests
            if not manifest.fault and not image.alignment.config.fault
        ]
        if not isinstance(promised, int) or not claims:
            return None, "", ()
        for image, manifest, here, there in claims:
            if there == promised and listed in (None, here):
                who = f" of {printable(image.name, 80)}" if len(self.report.images) > 1 else ""
                return True, f"This is the archive: {_count(manifest, here, there)}{who}.", ()
        lines = tuple(
            f"{printable(image.name, 80)}: {_count(manifest, here, there)}"
            for image, manifest, here, there in claims[:_MOST]
        )
        turned = any((here, there) == (promised, listed) for _, _, here, there in claims)
        _, manifest, here, there = claims[0]
        message = "This text is about another archive, or another copy of it: here "
        message += f"{_count(manifest, here, there)}." if len(claims) == 1 else "no image has these numbers."
        if turned:
            message += " The two numbers are the other way round."
        return False, message, lines if len(claims) > 1 else ()

    def _names(self, match: Match) -> tuple[bool | None, str, tuple[str, ...]]:
        """Digests and member names of the text against what the archive holds and names."""
        facts: list[str] = []
        found = missed = False
        for name, value in match.values.items():
            if not isinstance(value, str) or name not in (*_NAMED, *_DIGESTS):
                continue
            what = self._member(value) if name in _NAMED else self._digest(value)
            if what:
                facts.append(f"{printable(value, 160)} is {what}")
            if name in _NAMED or name in _PROMISED:
                # What a text misses and the archive has was missed in another copy.
                found |= bool(what) and not (match.sentence.kind == "missing" and what.endswith(_THERE))
                missed |= not what and name in _PROMISED and len(value) > _SHORT and self._names_all(match, name)
        if found:
            return True, "This is the archive: it names what the text names.", tuple(dict.fromkeys(facts))
        if missed and self.report.images:
            message = "This text is about another archive, or another copy of it: nothing here has that digest."
            return False, message, tuple(facts)
        return None, "", tuple(facts)

    def _names_all(self, match: Match, name: str) -> bool:
        """Whether every digest that the field may hold stands in this archive.

        A diff ID does. Of a docker-archive containerd and crane make manifests of their own, and what lies below an
        attestation or an index in an index was not read.
        """
        if "diff ID" in match.sentence.describe(name):
            return True
        archive = self.report.frames.archive
        offers = archive.offers if archive is not None else ()
        return bool(offers) and not any(offer.attestation or offer.nested for offer in offers)

    def _digest(self, digest: str) -> str:
        """What a digest of the text, perhaps cut short, is here."""
        start = f"sha256:{digest.removeprefix('sha256:').rstrip('.…')}"
        if len(start) < _SHORT:
            return ""
        return self._known.get(start) or next(
            (what for known, what in self._known.items() if known.startswith(start)), ""
        )

    def _member(self, name: str) -> str:
        """How an archive knows a member: listed as a layer or config, or only stored."""
        source = self.report.frames.archive
        for image in self.report.images:
            for layer in image.alignment.layers:
                if layer.listed and layer.path == name:
                    return f"layer {layer.position}, {words.STATES[layer.state]}"
            for manifest in image.alignment.image.manifests:
                if manifest.config is not None and manifest.config.name == name:
                    present = image.alignment.image.source.has(manifest.config)
                    return f"the config, {_THERE if present else 'not stored'}"
        return f"a member, {_THERE}" if source is not None and name in source.members.cleaned else ""

    def _otherwise(self, match: Match) -> tuple[bool | None, str]:
        """Nothing in the values decides: say what the programs of this sentence say of the archive instead."""
        for verdict, said in self._said:
            for other in said:
                if other.sentence.id == match.sentence.id and not verdict.assumes:
                    return False, (
                        "This text is about another archive, or another copy of it: here "
                        f"{_name(verdict)} says {printable(other.text, 300)}"
                    )
        if self.report.outcome == "sound":
            unread = "" if self.report.deep else ", as far as it was read (layers were not)"
            return None, f"Nothing is wrong with this archive{unread}: look at the target, or at another copy."
        if not any(verdict.loads is not True for verdict, _ in self._said):
            return None, "No program that layerkit knows refuses this archive."
        return None, "Whether the text is about this archive cannot be told from it; this is what is wrong here:"


def names_of(verdicts: Sequence[Verdict]) -> list[str]:
    """Verdicts as text, the versions of one program together; what looks like success and is none is said to be so."""
    programs: dict[tuple[str, bool], list[str]] = {}
    for verdict in verdicts:
        programs.setdefault((verdict.loader, verdict.silent), []).append(verdict.version)
    return [
        f"{words.PROGRAMS.get(name, name)} {', '.join(versions)}{_SILENT if silent else ''}"
        for (name, silent), versions in programs.items()
    ]


def _prints(verdict: Verdict, said: Sequence[Match], match: Match) -> bool:
    """Whether the program says this sentence of this archive, with the same values."""
    if match.sentence.kind == "success":
        return match.text in verdict.message.splitlines()
    return any(_same(other, match) for other in said)


def _same(one: Match, other: Match) -> bool:
    """The same sentence, be it whole or an excerpt, with the same values, but for what differs between runs."""
    alike = one.sentence.means == other.sentence.means and _speaker(one) == _speaker(other)
    return alike and all(one.values.get(name) == value for name, value in other.values.items() if name not in _FREE)


def _speaker(match: Match) -> str:
    return match.sentence.id.partition(".")[0]


def _name(verdict: Verdict) -> str:
    return names_of([verdict])[0]


def _count(manifest: Manifest, listed: int, promised: int) -> str:
    return f"{words.title(manifest)} lists {words.count(listed, 'layer')}, the config promises {promised:,}"


def _digests(report: Report) -> Iterator[tuple[str, str]]:
    """What every digest of the archive is, the more telling first."""
    for image in report.images:
        for layer in image.alignment.layers:
            if layer.diff_id:
                yield layer.diff_id, f"the diff ID of layer {layer.position}, {words.STATES[layer.state]}"
            if layer.blob is not None and layer.blob.digest:
                yield layer.blob.digest, f"the file of layer {layer.position}, {words.STATES[layer.state]}"
            if layer.measured is not None and layer.measured.diff_id:
                yield layer.measured.diff_id, f"what the file of layer {layer.position} really holds"
        yield image.alignment.config.digest, "the config, the image ID"
        for manifest in image.alignment.image.manifests:
            if manifest.config is not None and manifest.config.digest:
                yield manifest.config.digest, "the config"
            if manifest.view != "docker" and manifest.raw:
                yield sha256(manifest.raw), "the manifest"
    if report.frames.archive is not None:
        for offer in report.frames.archive.offers:
            if offer.blob.digest:
                yield offer.blob.digest, f"the manifest of {printable(offer.platform or 'an image', 80)}"
