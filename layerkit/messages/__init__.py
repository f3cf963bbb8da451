"""Every sentence a runtime prints, once: a template, who says it, which number is which, what it means.

The models of the runtimes print them (``docker.LENGTH_MISMATCH.format(manifest=25, diff_ids=36)``); `parse`
reads them back from whatever somebody pasted:

>>> [match] = parse("invalid manifest, layers length mismatch: expected 25, got 36")
>>> match.sentence.id, match.values
('docker.length-mismatch', {'manifest': 25, 'diff_ids': 36})
>>> match.means.rpartition(". ")[2]
'11 diff IDs have no layer.'

One module per speaker: `docker`, `containerd`, `containers_image` and `copies` (podman, skopeo, buildah),
`ggcr` (crane), `others` (regctl, umoci, dive, syft), `registry`, `golang` and `encoding` (the libraries of Go, in any
program).
"""

from layerkit.messages import containerd, containers_image, copies, docker, encoding, ggcr, golang, others, registry
from layerkit.messages.catalogue import BY_ID, SENTENCES
from layerkit.messages.parsing import Match, nearest, parse
from layerkit.messages.sentence import Sentence

__all__ = [
    "BY_ID",
    "SENTENCES",
    "Match",
    "Sentence",
    "containerd",
    "containers_image",
    "copies",
    "docker",
    "encoding",
    "ggcr",
    "golang",
    "nearest",
    "others",
    "parse",
    "registry",
]
