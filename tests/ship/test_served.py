"""The registry that a host pulls from: what it gives, and that it gives nothing else."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest
import requests

from layerkit.archive import ImageFile, Span, manifest_of
from layerkit.digest import sha256
from layerkit.errors import NotFound
from layerkit.export import plan_export
from layerkit.layers import gather
from layerkit.shipping.served import Served
from layerkit.shipping.tunnel import _listening
from layerkit.store import Store
from tests.test_export_loads import SHOP


@pytest.fixture
def file(store: Store) -> ImageFile:
    (found,) = gather(plan_export(f"{SHOP}:1.1", store=store), store)
    return found


@pytest.fixture
def served(file: ImageFile) -> Served:
    spans = {layer.digest: layer.content for layer in file.layers}

    def bring(digest: str) -> Span:
        found = {str(key): span for key, span in spans.items()}[digest]
        if found is None:
            raise NotFound("gone")
        return found

    return Served((file,), bring)


@pytest.fixture
def url(served: Served) -> Iterator[str]:
    with _listening(served) as port:
        yield f"http://127.0.0.1:{port}/v2/"


def test_a_manifest_by_tag_and_by_digest(file: ImageFile, served: Served, url: str) -> None:
    raw = manifest_of(file)
    for reference in ("0", sha256(raw)):
        found = requests.get(f"{url}{served.name}/manifests/{reference}", timeout=10)
        assert (found.status_code, found.content) == (200, raw)
        assert found.headers["Docker-Content-Digest"] == sha256(raw)
        assert found.headers["Content-Type"] == file.manifest_type
    assert requests.get(url, timeout=10).status_code == 200


def test_blobs_and_parts_of_them(file: ImageFile, served: Served, url: str) -> None:
    digest, size = file.layers[0].digest, file.layers[0].size
    address = f"{url}{served.name}/blobs/{digest}"
    whole = requests.get(address, timeout=10).content
    assert (sha256(whole), len(whole)) == (digest, size)
    for wanted, part in (("bytes=10-19", whole[10:20]), ("bytes=100-", whole[100:]), ("bytes=0-999999999", whole)):
        found = requests.get(address, headers={"Range": wanted}, timeout=10)
        assert (found.status_code, found.content) == (206, part)
    assert requests.get(address, headers={"Range": f"bytes={size}-"}, timeout=10).status_code == 416
    head = requests.head(address, timeout=10)
    assert (head.headers["Content-Length"], head.content) == (str(size), b"")
    config = requests.get(f"{url}{served.name}/blobs/{sha256(file.config)}", timeout=10)
    assert config.content == file.config


def test_only_what_goes_out_is_counted(file: ImageFile, served: Served, url: str) -> None:
    requests.head(f"{url}{served.name}/blobs/{file.layers[0].digest}", timeout=10)
    assert served.sent == 0
    requests.get(f"{url}{served.name}/blobs/{file.layers[0].digest}", timeout=10)
    end = time.monotonic() + 5  # it is counted after it has gone
    while not served.sent and time.monotonic() < end:
        time.sleep(0.01)
    assert served.sent == file.layers[0].size


@pytest.mark.parametrize(
    "path",
    [
        "_catalog",
        "layerkit/" + "0" * 32 + "/manifests/0",
        "{name}/manifests/1",
        "{name}/tags/list",
        "{name}/blobs/sha256:" + "0" * 64,
        "{name}/../{name}/manifests/0",
        "{name}/blobs/../../../etc/passwd",
        "{name}/blobs/",
    ],
)
def test_nothing_else_is_there(path: str, served: Served, url: str) -> None:
    request = requests.Request("GET", url).prepare()
    request.url = url + path.format(name=served.name)  # as it is: requests would tidy up the dots
    with requests.Session() as session:
        assert session.send(request, timeout=10).status_code == 404
    assert served.sent == 0


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_nothing_can_be_written(method: str, served: Served, url: str) -> None:
    found = requests.request(method, f"{url}{served.name}/manifests/0", data=b"x" * 100, timeout=10)
    assert found.status_code == 405


def test_a_layer_that_cannot_be_had_is_told(file: ImageFile) -> None:
    def bring(digest: str) -> Span:
        raise NotFound("the registry it comes from is gone")

    served = Served((file,), bring)
    with _listening(served) as port:
        found = requests.get(f"http://127.0.0.1:{port}/v2/{served.name}/blobs/{file.layers[0].digest}", timeout=10)
    assert found.status_code == 502
    assert "is gone" in str(served.failure)
    assert "is gone" not in found.text


@pytest.mark.parametrize("said", [b"\x16\x03\x01\x02\x00\x01\x00", b"\n", b"GET\n\n", b"x" * 70_000, b""])
def test_what_is_no_request(said: bytes, url: str) -> None:
    """A TLS handshake is answered in plain HTTP, so that containerd tries again without it."""
    port = int(url.split(":")[2].partition("/")[0])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as there:
        there.sendall(said)
        there.shutdown(socket.SHUT_WR)
        answer = b""
        while data := there.recv(1000):
            answer += data
    if said.startswith(b"\x16"):
        assert answer.startswith(b"HTTP/1.1 400 ")
    assert requests.get(url, timeout=10).ok
