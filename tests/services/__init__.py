"""Real components for tests: private, on the loopback or a unix socket, stopped by pid at the end.

Fixtures (tests/conftest.py makes them known to every test; mark the test `services` or `browser`):

| fixture | what | scope |
|---|---|---|
| `docker20` | Docker 20.10, classic store (vfs), emptied before the test | function |
| `docker26` | Docker 26.1, classic store (vfs), emptied before the test | function |
| `docker26c` | Docker 26.1, containerd store, emptied before the test | function |
| `podman` `buildah` | with their own storage (vfs), emptied before the test | function |
| `ctr` | containerd 1.6 of its own and `ctr`, emptied before the test | function |
| `skopeo` | keeps nothing | session |
| `registry` | distribution 2.8, plain HTTP: use repository names of your own | session |
| `chromium` | the path of Chromium for Playwright (`browser.ARGUMENTS` go with it) | session |
| `built_image` | an image by `docker build` (BuildKit) and its `docker save` (`BuiltImage`) | session |
| `built_image_classic` | the same Dockerfile by the classic builder (takes 10 s) | session |

`docker20_daemon`, `docker26_daemon` ... are the same objects for a whole session, emptied only when a test
asks for the short name: for fixtures of a wider scope, which must not count on images staying. For variants
there are the context managers: `run_docker("26.1", containerd_store=True)`, `run_registry(tls=True,
users={"me": "secret"})`, `run_sshd(env={"DOCKER_HOST": docker20.host})`, `run_podman()`.

Each object has `.run(*args) -> Outcome` and, where the program can do it, `.version`, `.load(path)`,
`.save(path, *references)`, `.images()`, `.inspect(reference)`, `.create_and_export(reference, path)` (the
proof that an image is usable: every layer is read) and `.clear()`. An `Outcome` is `exit`, `stdout`,
`stderr`, `text` (both) and `ok`; `.expect()` raises what the program said when it failed.

`need("skopeo")` gives the path of a program. What is missing skips the test with its reason, and fails
where CI=true. `make services` installs the Debian packages. The first use of a Docker that this Debian
release does not have builds a chroot of the release that does, in the user's cache (`LAYERKIT_TEST_CACHE`
moves it): name fixtures as arguments, since only the body of a test has a time limit.
"""

from tests.services.browser import ARGUMENTS, need_chromium
from tests.services.build import BuiltImage, build_image
from tests.services.containerd import Ctr, run_containerd
from tests.services.docker import Docker, run_docker
from tests.services.need import NEEDS, need
from tests.services.process import Outcome, free_port, private_root, run, unavailable
from tests.services.registry import Certificate, Registry, make_certificate, run_registry
from tests.services.sshd import Sshd, run_sshd
from tests.services.tools import Buildah, Podman, Skopeo, run_buildah, run_podman, run_skopeo

__all__ = [
    "ARGUMENTS",
    "NEEDS",
    "Buildah",
    "BuiltImage",
    "Certificate",
    "Ctr",
    "Docker",
    "Outcome",
    "Podman",
    "Registry",
    "Skopeo",
    "Sshd",
    "build_image",
    "free_port",
    "make_certificate",
    "need",
    "need_chromium",
    "private_root",
    "run",
    "run_buildah",
    "run_containerd",
    "run_docker",
    "run_podman",
    "run_registry",
    "run_skopeo",
    "run_sshd",
    "unavailable",
]
