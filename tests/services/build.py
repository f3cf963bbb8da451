"""An image by the real `docker build`, with what makes counts hard: empty history, repeated layers."""

from __future__ import annotations

import io
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.services.docker import Docker
from tests.services.need import need

REFERENCE = "layerkit.test/built:1"
REFERENCE_CLASSIC = "layerkit.test/built-classic:1"

# The stamp is copied, removed and copied again: the same layer twice, and the one between takes it away.
# For a WORKDIR that exists BuildKit makes the empty layer, every time the same (sha256:5f70bf18...); the
# classic builder leaves a history entry without a layer, as it does for a RUN of nothing.
DOCKERFILE = """\
FROM scratch
COPY busybox /bin/busybox
ENV PATH=/bin GREETING="hello world"
SHELL ["/bin/busybox", "sh", "-c"]
COPY stamp /stamp
RUN busybox rm /stamp
COPY stamp /stamp
WORKDIR /app
ENV COLOUR=blue
WORKDIR /app
RUN busybox echo one > /app/one
RUN busybox true
WORKDIR /app/deep/er
COPY stamp ./
LABEL org.example.made-by=layerkit
WORKDIR /app/deep/er
EXPOSE 80
CMD ["/bin/busybox", "true"]
"""


@dataclass(frozen=True, slots=True)
class BuiltImage:
    """The image as Docker sees it (`inspect`; `history`, newest first) and as it saved it (`archive`)."""

    reference: str
    inspect: dict[str, Any]
    history: tuple[str, ...]
    archive: Path

    @property
    def diff_ids(self) -> list[str]:
        return list(self.inspect["RootFS"]["Layers"])


def build_image(
    docker: Docker,
    folder: Path,
    *,
    dockerfile: str = DOCKERFILE,
    reference: str = REFERENCE,
    buildkit: bool = True,
) -> BuiltImage:
    """Build `dockerfile` (files at hand: busybox, stamp) without network and save it into `folder`."""
    docker.build(_pack_context(dockerfile), reference, buildkit=buildkit).expect()
    archive = folder / "built.tar"
    docker.save(archive, reference).expect()
    lines = docker.run("history", "--no-trunc", "--format", "{{.CreatedBy}}", reference).expect().stdout
    return BuiltImage(reference, docker.inspect(reference), tuple(lines.splitlines()), archive)


def _pack_context(dockerfile: str) -> bytes:
    """A context with fixed times, so that a file copied twice gives the same layer twice."""
    files = {
        "Dockerfile": (dockerfile.encode(), 0o644),
        "busybox": (need("busybox").read_bytes(), 0o755),
        "stamp": (b"stamp\n", 0o644),
    }
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, (content, mode) in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode, member.mtime = len(content), mode, 1_700_000_000
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()
