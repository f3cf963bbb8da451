"""The first thing on every report: one sentence for people who do not know the format, then why and what to do.

The sentence is made from the claims themselves, never from a rule's message: so no number can change sides.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..alignment import Alignment, State
from ..finding import Cause, Finding
from . import words
from .picture import elsewhere, repeats

if TYPE_CHECKING:
    from . import ImageReport, Report

_RANK = {"certain": 0, "likely": 1, "possible": 2}
_TROUBLE: tuple[State, ...] = ("absent", "wrong", "damaged", "surplus", "unlisted", "gone", "history")


@dataclass(frozen=True)
class Headline:
    """`sentence` says what is so, `detail` why, `advice` what to do; the latter two may be empty."""

    sentence: str
    detail: str = ""
    advice: str = ""

    def __str__(self) -> str:
        return self.sentence


def headline(report: Report) -> Headline:
    """The headline of a report: of the file where that is what is broken, else of its worst image."""
    found = [f for o in report.outcomes for f in o.findings]
    errors = [f for f in found if f.severity == "error"]
    if errors or not report.images:
        first = next(iter([*errors, *found]), None)
        if first is None:
            return Headline("There is no image in it.")
        return Headline(first.message, *_because(report.causes, [*errors, *found]))
    worst, *rest = ranked(report)
    head = headline_of(worst)
    warned = " ".join(f.message for f in found if f.severity == "warning")
    if report.outcome == "sound":
        sentence = head.sentence
        if rest and sentence.startswith("All "):
            sentence = "Both images are sound." if len(rest) == 1 else f"All {len(report.images):,} images are sound."
        fix = next((f.fix for f in found if f.fix), "")
        return Headline(sentence, f"{warned} {head.detail}".strip(), head.advice or fix)
    if not rest:
        return Headline(head.sentence, f"{head.detail} {warned}".strip(), head.advice)
    return Headline(f"{worst.name}: {head.sentence}", f"{head.detail} {_rest(rest)}".strip(), head.advice)


def _rest(images: Sequence[ImageReport]) -> str:
    """One sentence on the images that are not in the headline."""
    wrong = sum(image.outcome != "sound" for image in images)
    if len(images) == 1:
        return "The other image is not sound either." if wrong else "The other image is sound."
    if wrong == 0:
        return f"The {len(images):,} other images are sound."
    return f"Of the {len(images):,} other images, {wrong:,} {'is' if wrong == 1 else 'are'} not sound either."


def ranked(report: Report) -> list[ImageReport]:
    """The images, the worst first; among equals the order of the file."""
    order = {"broken": 0, "incomplete": 1, "sound": 2}
    return sorted(
        report.images,
        key=lambda i: (order[i.outcome], -sum(f.severity == "error" for f in i.findings), not i.findings),
    )


def headline_of(image: ImageReport) -> Headline:
    """The headline of one image."""
    where = words.place(image.alignment.image.source.format)
    errors = [f for f in image.findings if f.severity == "error"]
    sentence = " ".join(_claims(image.alignment, where, thin=image.outcome == "incomplete"))
    if sentence or errors:
        detail, advice = _because(image.causes, [*errors, *image.findings])
        return Headline(sentence or errors[0].message, detail, advice)
    warnings = [f for f in image.findings if f.severity == "warning"]
    detail = f"{warnings[0].message} " if warnings else ""
    if not image.alignment.deep and image.alignment.layers:
        detail += "Their contents were not read; --deep checks them."
    return Headline(_sound(image.alignment), detail.strip(), warnings[0].fix if warnings else "")


def _because(causes: Sequence[Cause], findings: Sequence[Finding]) -> tuple[str, str]:
    best = min(causes, key=lambda cause: _RANK[cause.confidence], default=None)
    fixes = [best.fix] if best and best.fix else []
    fixes += [f.fix for f in findings if f.fix]
    if best is None:
        return "", fixes[0] if fixes else ""
    unsure = {"certain": "", "likely": "Probably: ", "possible": "Possibly: "}[best.confidence]
    return unsure + best.message, fixes[0] if fixes else ""


def _sound(alignment: Alignment) -> str:
    number = len(alignment.layers)
    if number == 0:
        return "The image has no layers, and nothing else is claimed of it."
    if alignment.positions("unjudged"):
        return f"{words.count(number, 'layer')} listed, and the config promises nothing to compare them with."
    held = len(alignment.positions("held"))
    if held:
        return f"Of {number:,} layers, {held:,} are left out, and the target holds them."
    who = "The one layer is" if number == 1 else f"All {number:,} layers are"
    return f"{who} listed, promised and there" + (", byte for byte what was promised." if alignment.deep else ".")


def _claims(alignment: Alignment, where: str, *, thin: bool) -> list[str]:
    """Sentences on what the four claims say, none where they agree."""
    manifest, config = alignment.manifest, alignment.config
    name = words.title(manifest)
    title = name[0].upper() + name[1:] if name.startswith("the ") else name
    if manifest.fault:
        absent = manifest.fault_kind == "absent"
        if name != "manifest.json":
            name = f"{name} ({manifest.name})" if manifest.name else name
        return [f"{title} is not in the {where}." if absent else f"{title} says nothing: {manifest.fault}."]
    if config.fault and config.fault_kind == "absent":
        return [f"The config, which says what the image is made of, is not in the {where}."]
    if config.fault:
        return [f"The config, which says what the image is made of, cannot be used: {config.fault}."]
    if not config.has_rootfs:
        return []
    states = Counter(layer.state for layer in alignment.layers)
    listed, promised = len(manifest.layers), len(config.diff_ids)
    if listed != promised:
        return [*_numbers(alignment, title, where), *_contents(alignment, where)]
    if not any(states[state] for state in _TROUBLE):
        return []
    if states["gone"] or states["unlisted"] or states["surplus"]:
        # Equal numbers, and yet other layers: only a reading of the bytes tells so.
        missing = states["gone"] + states["unlisted"]
        those = "is not the promised one" if missing == 1 else "are not the promised ones"
        first = f"{title} lists as many layers as the config promises, {promised:,}, but {missing:,} of them {those}."
        return [first, *_contents(alignment, where)]
    if states["absent"]:
        return [*_absent(alignment, where, thin=thin), *_contents(alignment, where)]
    if states["wrong"] or states["damaged"]:
        return _contents(alignment, where)
    told = alignment.counts["history_nonempty"]
    return [f"The history tells of {told:,} layers, but the config promises only {promised:,}."]


def _numbers(alignment: Alignment, title: str, where: str) -> list[str]:
    """The two counts differ. Listed is the manifest's number, promised the config's: always in this order."""
    listed, promised = len(alignment.manifest.layers), len(alignment.config.diff_ids)
    surplus = alignment.positions("surplus")
    oci = elsewhere(alignment)
    again = {repeat: original for repeat, original in repeats(alignment).items() if repeat not in oci}
    gone = alignment.positions("gone")
    unlisted = tuple(p for p in alignment.positions("unlisted") if p not in again and p not in oci)
    apart = abs(promised - listed)
    if words.unsure(alignment) and listed:
        which = f"Which {apart:,} {{}} cannot be told from the names; --deep reads the layers and tells."
        if listed < promised:
            return [
                f"{title} lists {listed:,} of the {promised:,} layers that the config promises.",
                which.format("is missing" if apart == 1 else "are missing"),
            ]
        return [
            f"{title} lists {listed:,} layers, but the config promises only {promised:,}.",
            which.format("is too many" if apart == 1 else "are too many"),
        ]
    if listed < promised and not surplus:
        sentences = [f"{title} lists {listed:,} of the {promised:,} layers that the config promises."]
        if listed == 0:
            sentences = [f"{title} lists none of the {promised:,} layers that the config promises."]
    else:
        only = "only " if promised < listed else ""
        sentences = [f"{title} lists {listed:,} layers, but the config promises {only}{promised:,}."]
    if oci:
        what = f"in the {where}, listed by the OCI manifest alone"
        sentences.append(_which(oci, promised, what, capital=True))
    if len(again) == 1:
        [(repeat, original)] = again.items()
        sentences.append(f"Layer {repeat:,} is the same as layer {original:,}, and was not listed again.")
    elif again:
        sentences.append(f"{len(again):,} of them repeat another layer, and were not listed again.")
    if gone:
        sentences.append(_which(gone, promised, f"neither listed nor in the {where}", capital=True))
    if unlisted:
        sentences.append(_which(unlisted, promised, f"in the {where}, but not listed", capital=True))
    if surplus:
        spots = words.spell(surplus)
        sentences.append(
            f"The one at position {spots} is no promised layer."
            if len(surplus) == 1
            else f"The {len(surplus):,} at positions {spots} are no promised layers."
        )
    return sentences


def _which(positions: Sequence[int], total: int, what: str, *, capital: bool = False) -> str:
    """Name a set of layers by where they lie: "The lowest 11 are ..."."""
    number = len(positions)
    verb = "is" if number == 1 else "are"
    first, last = min(positions), max(positions)
    solid = last - first + 1 == number
    if number == total:
        who = "All of them" if number > 1 else "It"
    elif solid and first == 0:
        who = "The lowest" if number == 1 else f"The lowest {number:,}"
    elif solid and last == total - 1:
        who = "The topmost" if number == 1 else f"The topmost {number:,}"
    elif number == 1:
        who = f"Layer {first:,}"
    else:
        who = f"The {number:,} at positions {words.spell(positions)}"
    return f"{who if capital else who[0].lower() + who[1:]} {verb} {what}."


def _absent(alignment: Alignment, where: str, *, thin: bool) -> list[str]:
    total, absent = len(alignment.config.diff_ids), alignment.positions("absent")
    if len(absent) == len(alignment.layers):
        return [f"All {total:,} layers are listed and promised, but none is in the {where}."]
    out = "left out" if thin else f"not in the {where}"
    first = f"All {total:,} layers are listed and promised, but "
    sentence = first + _which(absent, total, out)
    if thin:
        return [sentence, f"It loads only where the target holds {'it' if len(absent) == 1 else 'them'} already."]
    return [sentence]


def _contents(alignment: Alignment, where: str) -> list[str]:
    """What the bytes say, after a deep reading."""
    total = len(alignment.layers)
    wrong, damaged = alignment.positions("wrong"), alignment.positions("damaged")
    sentences = []
    if wrong:
        found = [x.measured.diff_id for x in alignment.layers if x.state == "wrong" and x.measured]
        if Counter(found) == Counter(x.diff_id for x in alignment.layers if x.state == "wrong"):
            sentences.append(
                f"All {total:,} layers are there, but those at positions {words.spell(wrong)} are in the wrong order."
            )
        elif len(wrong) == total and total > 1:
            sentences.append("No layer contains what the config promises.")
        else:
            verb = "does" if len(wrong) == 1 else "do"
            who = "Layer" if len(wrong) == 1 else "Layers"
            sentences.append(f"{who} {words.spell(wrong)} {verb} not contain what the config promises.")
    if damaged:
        who = "Layer" if len(damaged) == 1 else "Layers"
        faults = {x.measured.fault for x in alignment.layers if x.state == "damaged" and x.measured}
        why = f": {next(iter(faults))}" if len(faults) == 1 else ""
        sentences.append(f"{who} {words.spell(damaged)} cannot be read to the end{why}.")
    return sentences
