"""All sentences, in one tuple: the more specific source first."""

from __future__ import annotations

from layerkit.messages import containerd, containers_image, copies, docker, encoding, ggcr, golang, others, registry
from layerkit.messages.sentence import Sentence

SENTENCES: tuple[Sentence, ...] = (
    *docker.SENTENCES,
    *containerd.SENTENCES,
    *containers_image.SENTENCES,
    *copies.SENTENCES,
    *ggcr.SENTENCES,
    *others.SENTENCES,
    *registry.SENTENCES,
    *encoding.SENTENCES,
    *golang.SENTENCES,
)
BY_ID: dict[str, Sentence] = {sentence.id: sentence for sentence in SENTENCES}
