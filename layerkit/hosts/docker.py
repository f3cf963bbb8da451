"""Docker over its own client, with either of its stores; `nerdctl` answers to the same commands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..digest import is_digest
from ..document import field_of, text_of
from ..errors import LayerkitError, NotFound, Refused, UsageError
from ..inventory import Inventory
from ..reference import Reference
from ..sources.platforms import normalise
from .containerd import Containerd
from .runtime import ABSENT, INSPECT, PROOF, Facts, Held, Runtime, named, noted, of_images, parse_images, parse_object
from .shell import Result, Shell

_BATCH = 500
"""Images a call: 36 KB of arguments, where a shell line may have 128 KB (Linux, MAX_ARG_STRLEN)."""

SNAPSHOTTER = "io.containerd.snapshotter.v1"
"""`driver-type` in DriverStatus, only where Docker uses containerd's store (moby daemon/containerd/service.go)."""

_LAYERDB = """cd -- "$1" 2>/dev/null || exit 0
for chain in *; do
  [ -s "$chain/diff" ] && [ -e "$chain/cache-id" ] || continue
  IFS= read -r diff < "$chain/diff"
  printf '%s %s\\n' "$chain" "$diff"
done"""
"""Layers of a classic store, read without a process per layer. $1: layerdb/sha256."""


class Docker(Runtime):
    kind = "docker"

    def __init__(self, shell: Shell, argv: Sequence[str] = ("docker",), ctr: Sequence[str] = ()) -> None:
        super().__init__(shell, argv)
        self._ctr = tuple(ctr)

    def facts(self) -> Facts:
        result = self.run("info", "--format", "{{json .}}")
        if not result.ok:
            raise self.failure(result)
        doc = parse_object(result.stdout, f"docker info on {self.shell.name}")
        errors = field_of(doc, "ServerErrors")
        if isinstance(errors, list) and errors:  # the client of 20.10 says so with exit 0 at times
            raise self.failure(Result(1, b"", "\n".join(map(str, errors))))
        return facts_of(doc)

    def inventory(self, facts: Facts) -> Inventory:
        held = list(self._held())
        inventory = of_images(self.kind, facts, held)
        if facts.store == "containerd":
            return self._from_content(inventory, facts, held)
        return _with_layerdb(inventory, self._layerdb(facts))

    def _held(self) -> Iterator[Held]:
        ids = sorted({word for word in self.ask("images", "-aq", "--no-trunc").text.split() if is_digest(word)})
        for at in range(0, len(ids), _BATCH):
            # One that was removed in between makes the exit code 1, and the others are printed all the same.
            result = self.run("image", "inspect", "--format", INSPECT, *ids[at : at + _BATCH])
            if not result.ok and not (result.exit != ABSENT and isinstance(self.failure(result), NotFound)):
                raise self.failure(result)
            yield from parse_images(result.stdout.splitlines())

    def _layerdb(self, facts: Facts) -> dict[str, str]:
        """Chain IDs and diff IDs of every layer of a classic store; empty where its files cannot be read."""
        if not facts.root.startswith("/") or "/" in facts.driver:
            return {}
        folder = f"{facts.root}/image/{facts.driver}/layerdb/sha256"
        try:
            result = self.shell.run(["sh", "-c", _LAYERDB, "sh", folder])
        except LayerkitError:
            return {}
        return parse_layers(result.text.splitlines()) if result.ok else {}

    def _from_content(self, inventory: Inventory, facts: Facts, held: Sequence[Held]) -> Inventory:
        """Believe containerd instead of `docker image inspect`, which tells of layers that may not be there."""
        if not self._ctr:
            return noted(inventory, UNPROVEN)
        info = field_of(facts.details, "Containerd")
        address = text_of(info, "Address") if isinstance(info, dict) else ""
        given = "-a" in self._ctr or not address
        ctr = Containerd(self.shell, self._ctr if given else (*self._ctr, "-a", address), "moby", facts.driver)
        try:
            content = ctr.content()
        except LayerkitError as error:
            return noted(inventory, f"{UNPROVEN} ({error})")
        if not {one.image_id for one in held} <= {one.digest for one in content.images}:
            return noted(inventory, f"{UNPROVEN} (the containerd that ctr reaches is not Docker's)")
        # `docker images` does not show an image whose content is missing (26.1), and yet it has its name.
        broken = {_familiar(one.name): one.digest for one in content.images if not one.complete}
        return replace(
            inventory,
            chain_ids=content.chains,
            diff_ids=frozenset(_proven(held, content.chains)) | content.diff_ids,
            blobs=content.blobs,
            images={**inventory.images, **broken},
            incomplete=tuple(sorted(broken)),
        )

    def images(self) -> Mapping[str, str]:
        lines = self.ask("images", "--no-trunc", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}").text.splitlines()
        rows = (line.rpartition(" ") for line in lines)
        return {name: image_id for name, _, image_id in rows if "<none>" not in name and is_digest(image_id)}

    def inspect(self, reference: str) -> Held | None:
        result = self.run("image", "inspect", "--format", INSPECT, named(reference))
        if not result.ok:
            failure = self.failure(result)
            if isinstance(failure, NotFound) and result.exit != ABSENT:
                return None
            raise failure
        return next(parse_images(result.stdout.splitlines()), None)

    def load_command(self) -> tuple[str, ...]:
        return ("load",)

    def save_command(self, reference: str) -> tuple[str, ...]:
        return ("save", reference)

    def remove_command(self, reference: str) -> tuple[str, ...]:
        return ("rmi", reference)

    def create_and_remove(self, reference: str) -> Result:
        created = self.run("create", "--network", "none", "--pull", "never", named(reference), PROOF)
        if not created.ok:
            return created
        container = created.text.split()[-1] if created.text.split() else ""
        if not container.isalnum():
            raise Refused(f"{self.program} create on {self.shell.name} printed no container's ID: {created.complaint}")
        removed = self.run("rm", "-f", container)
        return created if removed.ok else removed


class Nerdctl(Docker):
    """containerd through nerdctl, where there is no ctr: what it says of layers cannot be proven."""

    kind = "containerd"

    def __init__(self, shell: Shell, namespace: str, argv: Sequence[str] = ("nerdctl",)) -> None:
        super().__init__(shell, (*argv, "--namespace", namespace))

    def facts(self) -> Facts:
        found = facts_of(parse_object(self.ask("info", "--format", "{{json .}}").stdout, "nerdctl info"))
        return replace(found, store="containerd")


UNPROVEN = "layers are those that the images list; whether all of them are there could not be looked at"


def facts_of(doc: Mapping[str, Any]) -> Facts:
    """What `docker info` tells."""
    status = field_of(doc, "DriverStatus")
    pairs = status if isinstance(status, list) else []
    store = "containerd" if ["driver-type", SNAPSHOTTER] in pairs else "classic"
    return Facts(
        text_of(doc, "ServerVersion"),
        store,
        normalise(f"{text_of(doc, 'OSType') or 'linux'}/{text_of(doc, 'Architecture')}"),
        text_of(doc, "DockerRootDir"),
        text_of(doc, "Driver"),
        doc,
    )


def parse_layers(lines: Iterable[str]) -> dict[str, str]:
    """Chain ID and diff ID from lines of `<hex> <diff ID>`."""
    found = {}
    for line in lines:
        name, _, diff_id = line.partition(" ")
        if is_digest(f"sha256:{name}") and is_digest(diff_id):
            found[f"sha256:{name}"] = diff_id
    return found


def _with_layerdb(inventory: Inventory, layers: Mapping[str, str]) -> Inventory:
    """Add the layers that no image shows: those of the build cache, which `docker load` finds all the same.

    A folder's name in layerdb is the key that is looked up (moby layer/layer_store.go, `get`). The files are believed
    only if every layer of every image is among them: the daemon may be another machine's, or its folder an old one.
    """
    if not inventory.chain_ids or not inventory.chain_ids <= layers.keys():
        return inventory
    return replace(
        inventory,
        chain_ids=inventory.chain_ids.union(layers),
        diff_ids=inventory.diff_ids.union(layers.values()),
    )


def _familiar(name: str) -> str:
    try:
        return Reference.parse(name).familiar
    except UsageError:
        return name


def _proven(held: Iterable[Held], chains: frozenset[str]) -> Iterator[str]:
    """Diff IDs of layers that are unpacked."""
    for one in held:
        for diff_id, chain in zip(one.diff_ids, one.chains, strict=True):
            if chain in chains:
                yield diff_id
