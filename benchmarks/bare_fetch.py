"""The least that a verified download can cost: requests, isal and sha256 of both sides, in as many threads."""

from __future__ import annotations

import hashlib
import sys
from concurrent.futures import ThreadPoolExecutor

import requests
from isal import isal_zlib

THREADS = 6


def main(address: str, repository: str, tag: str) -> None:
    session = requests.Session()
    accept = {"Accept": "application/vnd.oci.image.manifest.v1+json"}
    manifest = session.get(f"http://{address}/v2/{repository}/manifests/{tag}", headers=accept, timeout=60).json()

    def fetch(digest: str) -> tuple[str, str]:
        packed, raw, inflater = hashlib.sha256(), hashlib.sha256(), isal_zlib.decompressobj(31)
        url = f"http://{address}/v2/{repository}/blobs/{digest}"
        with session.get(url, stream=True, timeout=60) as response:
            while data := response.raw.read(1 << 18):
                packed.update(data)
                raw.update(inflater.decompress(data))
        assert packed.hexdigest() == digest[7:]
        return packed.hexdigest(), raw.hexdigest()

    layers = sorted(manifest["layers"], key=lambda layer: -layer["size"])
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda layer: fetch(layer["digest"]), layers))


if __name__ == "__main__":
    main(*sys.argv[1:])
