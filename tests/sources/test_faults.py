"""A registry that misbehaves: what passes is outlasted, what does not is one sentence, wrong bytes are data."""

from __future__ import annotations

import base64
import email.utils
import io
import json
import logging
import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from layerkit.digest import measure
from layerkit.errors import AccessDenied, IntegrityError, NotFound, SourceError, Unreachable, UsageError
from layerkit.image import Blob, Image
from layerkit.sources import open_source, transport
from layerkit.sources.distribution import Clock
from layerkit.sources.registry import Repository, open_repository
from tests.faulty_registry import (
    Drop,
    Fault,
    FaultyRegistry,
    Flip,
    Lie,
    NoLength,
    NoRange,
    Redirect,
    Request,
    Slow,
    Status,
    Truncate,
    WrongLength,
    run_faulty_registry,
)

pytestmark = pytest.mark.usefixtures("alone")

DATA = random.Random(1).randbytes(3_000_000)
SECRET = "correct-horse"


class Time:
    """A clock that does not run: what would have been waited is kept."""

    def __init__(self) -> None:
        self.waits: list[float] = []
        self.clock = Clock(now=lambda: 1_800_000_000.0, sleep=self.waits.append, jitter=lambda: 0.0)


@pytest.fixture
def faulty() -> Iterator[FaultyRegistry]:
    with run_faulty_registry() as registry:
        yield registry


@pytest.fixture
def time() -> Time:
    return Time()


def open_at(registry: FaultyRegistry, time: Time, location: str = "app:1", **more: Any) -> Repository:
    return open_repository(f"{registry.address}/{location}", clock=time.clock, **more)


def stored(registry: FaultyRegistry, time: Time, fault: Fault | None = None, times: int = 1) -> tuple[Repository, Blob]:
    """An image of one layer, DATA, whose first requests meet with a fault."""
    registry.add_image("app", "1", [DATA])
    source = open_at(registry, time)
    blob = Image(source, source.entries()[0]).manifest.layers[0]
    if fault is not None:
        registry.fail(blob.name, fault, times)
    return source, blob


def read(source: Repository, blob: Blob) -> bytes:
    with source.open(blob) as stream:
        return stream.read()


# What passes


@pytest.mark.parametrize("times", [1, 2, 4])
def test_a_dropped_blob_goes_on_where_it_stopped(faulty: FaultyRegistry, time: Time, times: int) -> None:
    source, blob = stored(faulty, time, Drop(100_000), times)
    assert read(source, blob) == DATA
    assert faulty.sent(blob.name) == len(DATA), "bytes were fetched twice"
    ranges = [request.headers.get("range", "") for request in faulty.asked(blob.name)]
    assert ranges == ["", *(f"bytes={100_000 * n}-" for n in range(1, times + 1))]
    assert time.waits == [0.5, 1.0, 2.0, 4.0][:times]


def test_a_short_body_is_noticed_whatever_urllib3_thinks_of_it() -> None:
    class Raw(io.BytesIO):  # as urllib3 1.26, which lets it pass
        def read(self, size: int | None = -1, /, decode_content: bool = False) -> bytes:
            return super().read(size)

        def release_conn(self) -> None: ...

    answer = transport.Answer("http://127.0.0.1/", 200, {"Content-Length": "10"}, Raw(b"123"))
    with pytest.raises(transport.ConnectionFailed, match="the connection ended after 3 of 10 bytes"):
        answer.read(100)


def test_a_reset_is_outlasted(faulty: FaultyRegistry, time: Time) -> None:
    source, blob = stored(faulty, time, Drop(500_000, reset=True), 3)
    assert read(source, blob) == DATA


def test_patience_starts_anew_after_a_mebibyte(faulty: FaultyRegistry, time: Time) -> None:
    source, _ = stored(faulty, time)
    big = Blob(faulty.add_blob(DATA * 4))
    faulty.fail(big.name, Drop(1 << 20), 8)
    assert read(source, big) == DATA * 4
    assert time.waits == [0.5] * 8


def test_a_server_without_range_is_read_past_what_is_there(faulty: FaultyRegistry, time: Time) -> None:
    source, blob = stored(faulty, time, Drop(1_000_000))
    faulty.fail(blob.name, NoRange())
    assert read(source, blob) == DATA
    assert b"".join(source.chunks(blob, 2_500_000)) == DATA[2_500_000:]


def test_chunks_begin_where_another_run_stopped(faulty: FaultyRegistry, time: Time) -> None:
    source, blob = stored(faulty, time)
    assert b"".join(source.chunks(blob, 2_999_000)) == DATA[2_999_000:]
    assert faulty.sent(blob.name) == 1000
    assert list(source.chunks(blob, len(DATA))) == []
    with pytest.raises(IntegrityError, match="has fewer bytes"):
        list(source.chunks(blob, len(DATA) + 1))
    faulty.fail(blob.name, NoRange())
    with pytest.raises(IntegrityError, match="has fewer bytes"):
        list(source.chunks(blob, len(DATA) + 1))


@pytest.mark.parametrize("code", [408, 429, 500, 502, 503, 504])
@pytest.mark.parametrize("what", ["manifests/1", "blob", "HEAD"])
def test_a_fault_of_the_server_is_outlasted(faulty: FaultyRegistry, time: Time, code: int, what: str) -> None:
    source, blob = stored(faulty, time)
    faulty.fail("manifests/1" if what == "manifests/1" else blob.name, Status(code), 3)
    if what == "manifests/1":
        assert open_at(faulty, time).root == source.root
    elif what == "blob":
        assert read(source, blob) == DATA
    else:
        assert source.has(blob)
    assert time.waits == [0.5, 1.0, 2.0]


def test_retry_after_is_obeyed(faulty: FaultyRegistry, time: Time) -> None:
    date = email.utils.formatdate(time.clock.now() + 90, usegmt=True)
    for value in ("7", date, "soon"):
        faulty.fail("manifests/1", Status(429, headers={"Retry-After": value}), 1)
    stored(faulty, time)
    assert time.waits == [7.0, 90.0, 2.0]


def test_many_threads_share_one_source(faulty: FaultyRegistry, time: Time) -> None:
    source, _ = stored(faulty, time)
    blobs = [Blob(faulty.add_blob(bytes([n]) * 300_000)) for n in range(16)]
    for blob in blobs[::3]:
        faulty.fail(blob.name, Drop(100_000), 1)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda blob: read(source, blob), blobs))
    assert [data[:1] for data in found] == [bytes([n]) for n in range(16)]
    assert {len(data) for data in found} == {300_000}


# What does not pass


def sentence(act: Callable[[], object], kind: type[SourceError]) -> str:
    with pytest.raises(kind) as caught:
        act()
    assert caught.value.hint
    text = str(caught.value)
    assert "\n" not in text
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return text


def test_a_blob_that_always_breaks_off(faulty: FaultyRegistry, time: Time) -> None:
    source, blob = stored(faulty, time, Drop(10), 99)
    with pytest.raises(Unreachable, match=r"which broke off at byte 50: the connection ended after 10 .*5 times"):
        read(source, blob)
    assert time.waits == [0.5, 1.0, 2.0, 4.0]


def test_a_pause_too_long_is_told_and_not_waited(faulty: FaultyRegistry, time: Time) -> None:
    body = json.dumps({"errors": [{"code": "TOOMANYREQUESTS", "message": "slow \x1b[31mdown\n" + "x" * 900}]})
    faulty.fail("manifests/1", Status(429, body, {"Retry-After": "3600"}))
    with pytest.raises(Unreachable) as caught:
        open_at(faulty, time).entries()
    told = r"429 Too Many Requests (TOOMANYREQUESTS: slow \x1b[31mdown x"
    assert str(caught.value).startswith(f"{faulty.address} wants no more requests for now, asked for app:1: {told}")
    assert len(str(caught.value)) < 400
    assert caught.value.hint == f"wait for 3,600 s, log in (docker login {faulty.address}), or use a mirror"
    assert time.waits == []


@pytest.mark.parametrize(
    ("fault", "kind", "text"),
    [
        (Status(500, "<html>boom</html>"), Unreachable, "failed to give app:1: 500 Internal Server Error"),
        (Status(503, "maintenance"), Unreachable, "failed to give app:1: 503 Service Unavailable (maintenance)"),
        (Status(403, '{"errors":[{"code":"DENIED"}]}'), AccessDenied, "denies access to app:1: 403 Forbidden (DENIED)"),
        (Status(401), AccessDenied, "denies access to app:1: 401 Unauthorized"),
        (Status(404, '{"errors":"?"}'), NotFound, "has no app:1: 404 Not Found"),
        (Status(418, "[]"), SourceError, "has an unexpected answer for app:1: 418 I'm a Teapot"),
        (Status(799), Unreachable, "failed to give app:1: 799"),
        (Redirect("ftp://x/"), Unreachable, "it leads to ftp://x//v2/app/manifests/1, which is not HTTP"),
        (Redirect("http://192.0.2.1"), Unreachable, "it leads to 192.0.2.1 over plain HTTP, which is not allowed"),
        (Redirect("http://u:p@192.0.2.1", exact=True), Unreachable, "it leads to 192.0.2.1 over plain HTTP"),
        (Redirect("https://192.0.2.1:x", exact=True), Unreachable, "an address that makes no sense"),
        (Redirect("https://[x", exact=True), Unreachable, "an address that makes no sense"),
        (Redirect("/v2/app/manifests/1", exact=True), Unreachable, "more than 5 redirects"),
        (Drop(3), Unreachable, "cannot be reached for app:1: the connection ended after 3 "),
    ],
)
def test_each_final_failure_is_one_sentence(
    faulty: FaultyRegistry, time: Time, fault: Fault, kind: type[SourceError], text: str
) -> None:
    faulty.add_image("app", "1", [])
    faulty.fail("manifests/1", fault)
    with pytest.raises(kind) as caught:
        open_at(faulty, time).entries()
    assert type(caught.value) is kind
    assert str(caught.value).startswith(faulty.address)
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "p@" not in str(caught.value)


def test_hosts_that_cannot_be_reached(time: Time) -> None:
    def root(location: str) -> Callable[[], object]:
        return lambda: open_repository(location, clock=time.clock).root

    assert "connection refused" in sentence(root("127.0.0.1:1/x"), Unreachable)
    assert "its name cannot be resolved" in sentence(root("nowhere.invalid/x"), Unreachable)
    assert time.waits == [], "a host that never answered is not asked again"


def test_silence_is_a_failure_and_slowness_is_not(
    faulty: FaultyRegistry, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "READ", 0.3)
    source, blob = stored(faulty, time)
    slow = Blob(faulty.add_blob(bytes(60_000)))
    faulty.fail(slow.name, Slow(0.1))
    assert len(read(source, slow)) == 60_000
    faulty.fail(blob.name, Slow(0.7))
    monkeypatch.setattr("layerkit.sources.endpoint.TRIES", 1)
    with pytest.raises(Unreachable, match="no answer in time"):
        read(source, blob)


# Wrong bytes


@pytest.mark.parametrize("fault", [Truncate(2_000_000), Flip(1_234_567), WrongLength(-10), NoLength(1)])
def test_wrong_bytes_are_measured_and_no_error(faulty: FaultyRegistry, time: Time, fault: Fault) -> None:
    source, blob = stored(faulty, time, fault)
    assert source.measure(blob).digest != blob.digest


def test_a_length_that_promises_too_much(faulty: FaultyRegistry, time: Time) -> None:
    source, blob = stored(faulty, time, WrongLength(10))
    assert read(source, blob) == DATA


def test_a_body_without_end_is_cut(faulty: FaultyRegistry, time: Time) -> None:
    source, blob = stored(faulty, time, NoLength(9 << 20))
    assert len(DATA) < source.measure(blob).size < len(DATA) + (2 << 20)


def test_a_manifest_is_held_against_its_digests(faulty: FaultyRegistry, time: Time) -> None:
    digest = faulty.add_image("app", "1", [DATA])
    other = "sha256:" + "0" * 64
    faulty.fail("manifests/1", Lie(other), 1)
    source = open_at(faulty, time)
    (manifest,) = source.manifests(source.entries()[0])
    assert (manifest.name, manifest.fault_kind, manifest.fault) == (other, "altered", f"its bytes hash to {digest}")
    assert len(manifest.layers) == 1
    faulty.fail(digest, Flip(30), 1)
    source = open_at(faulty, time, f"app@{digest}")
    assert source.manifests(source.entries()[0])[0].fault_kind == "altered"
    source = open_at(faulty, time, f"app@{digest}")
    assert source.manifests(source.entries()[0])[0].fault == ""


def test_sha512_is_held_against_too(faulty: FaultyRegistry, time: Time) -> None:
    raw = faulty.manifests["app", faulty.add_image("app", "1", [])][1]
    wrong = "sha512:" + "0" * 128
    faulty.manifests["app", wrong] = ("application/vnd.oci.image.manifest.v1+json", raw)
    source = open_at(faulty, time, f"app@{wrong}")
    assert source.manifests(source.entries()[0])[0].fault.startswith("its bytes hash to sha512:")


def test_a_manifest_is_read_within_bounds(faulty: FaultyRegistry, time: Time) -> None:
    faulty.add_manifest("app", "1", b'{"layers": "' + bytes(9 << 20) + b'"}', "application/json")
    source = open_at(faulty, time)
    (manifest,) = source.manifests(source.entries()[0])
    assert len(manifest.raw) <= (4 << 20) + 1
    assert manifest.fault


def test_schema_1_is_named(faulty: FaultyRegistry, time: Time) -> None:
    old = {"schemaVersion": 1, "name": "app", "tag": "1", "fsLayers": [], "history": [], "signatures": []}
    faulty.add_manifest("app", "1", old, "application/vnd.docker.distribution.manifest.v1+prettyjws")
    faulty.fail("manifests/1", Lie("sha256:" + "1" * 64))
    source = open_at(faulty, time)
    (manifest,) = source.manifests(source.entries()[0])
    assert (manifest.view, manifest.fault) == ("schema1", "a schema 1 manifest")


# Redirects and secrets


def log_in(home: Path, registry: FaultyRegistry) -> None:
    """A password for the registry, which asks for it."""
    auth = base64.b64encode(f"me:{SECRET}".encode()).decode()
    (home / ".docker").mkdir()
    (home / ".docker/config.json").write_text(json.dumps({"auths": {registry.address: {"auth": auth}}}))

    def guard(request: Request) -> Status | None:
        given = request.headers.get("authorization") == f"Basic {auth}"
        return None if given else Status(401, "", {"WWW-Authenticate": 'Basic realm="here"'})

    registry.guard = guard


def test_authorization_stays_with_its_host(alone: Path, faulty: FaultyRegistry, time: Time) -> None:
    log_in(alone, faulty)
    with run_faulty_registry("localhost") as elsewhere:
        elsewhere.add_blob(DATA)
        source, blob = stored(faulty, time, Redirect(elsewhere.url), 9)
        assert read(source, blob) == DATA
        assert source.stored_size(blob) == len(DATA)
        asked = elsewhere.requests
        assert [request.method for request in asked] == ["GET", "HEAD"]
        assert not any("authorization" in request.headers for request in asked)
    assert all("authorization" in request.headers for request in faulty.asked(blob.name))


def test_authorization_goes_along_on_the_same_host(alone: Path, faulty: FaultyRegistry, time: Time) -> None:
    log_in(alone, faulty)
    source, blob = stored(faulty, time)
    faulty.fail(blob.name, Redirect(f"/v2/moved/blobs/{blob.name}", exact=True), 1)
    assert read(source, blob) == DATA
    assert "authorization" in faulty.asked(f"moved/blobs/{blob.name}")[0].headers


def test_a_redirect_that_is_refused_says_where(alone: Path, faulty: FaultyRegistry, time: Time) -> None:
    with run_faulty_registry("localhost") as elsewhere:
        source, blob = stored(faulty, time, Redirect(f"{elsewhere.url}/gone?signature={SECRET}", exact=True), 9)
        with pytest.raises(NotFound) as caught:
            read(source, blob)
    assert f"{elsewhere.address}, to which {faulty.address} redirects, has no blob" in str(caught.value)
    assert SECRET not in str(caught.value)


def test_a_secret_that_comes_back_is_not_shown(
    alone: Path, faulty: FaultyRegistry, time: Time, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    log_in(alone, faulty)
    auth = base64.b64encode(f"me:{SECRET}".encode()).decode()
    faulty.fail("manifests/1", Status(503, f"you sent {auth}, that is {SECRET}"))
    source = open_at(faulty, time)
    with pytest.raises(Unreachable, match=r"you sent \*\*\*, that is \*\*\*") as caught:
        source.entries()
    shown = caplog.text + repr(source) + repr(vars(source.client.origin)) + repr(caught.value) + caught.value.hint
    assert SECRET not in shown
    assert auth not in shown


def test_a_wrong_password_names_the_file(alone: Path, faulty: FaultyRegistry, time: Time) -> None:
    log_in(alone, faulty)
    faulty.guard = lambda request: Status(401, "", {"WWW-Authenticate": 'Basic realm="here"'})
    with pytest.raises(AccessDenied) as caught:
        open_at(faulty, time).entries()
    assert f".docker/config.json ({faulty.address})" in caught.value.hint
    assert len(faulty.requests) == 2, "asked without and with the password, and not again"


@pytest.mark.parametrize(
    ("challenge", "kind", "text"),
    [
        ('Bearer realm="http://192.0.2.1/token"', Unreachable, "192.0.2.1 over plain HTTP, which is not allowed"),
        ('Bearer realm="https://[x"', AccessDenied, "names no server that gives one"),
        ('Bearer realm="file:///etc/passwd"', AccessDenied, "names no server that gives one"),
        ("Bearer", AccessDenied, "names no server that gives one"),
        ("Negotiate", AccessDenied, "401 Unauthorized"),
        (" " * 60_000 + '"', AccessDenied, "401 Unauthorized"),
    ],
)
def test_a_challenge_that_leads_nowhere(
    alone: Path, faulty: FaultyRegistry, time: Time, challenge: str, kind: type[SourceError], text: str
) -> None:
    log_in(alone, faulty)
    faulty.guard = lambda request: Status(401, "", {"WWW-Authenticate": challenge})
    with pytest.raises(kind) as caught:
        open_at(faulty, time).entries()
    assert text in str(caught.value)
    assert not any("authorization" in request.headers for request in faulty.requests)


def test_no_server_elsewhere_leads_to_this_machine() -> None:
    send = transport.Transport().send
    with pytest.raises(transport.ConnectionFailed, match="this machine's own loopback"):
        send("GET", "http://127.0.0.1:1/token", {}, sender="https://r.example/")
    with pytest.raises(transport.ConnectionFailed, match="connection refused"):
        send("GET", "http://127.0.0.1:1/token", {}, sender="https://localhost/")


def test_a_password_in_a_reference_is_refused(time: Time) -> None:
    with pytest.raises(UsageError) as caught:
        open_source(f"docker://me:{SECRET}@r.example/app")
    assert SECRET not in str(caught.value) + caught.value.hint


# Mirrors and proxies


def test_mirrors_come_first_and_the_registry_last(faulty: FaultyRegistry, time: Time) -> None:
    digest = faulty.add_image("app", "1", [DATA])
    with run_faulty_registry("localhost") as mirror:
        mirror.add_image("cache/app", "1", [DATA])
        of = f"{faulty.address}="
        source = open_at(faulty, time, mirrors=[of + "127.0.0.1:1", of + f"http://{mirror.address}/cache/"])
        blob = source.manifests(source.entries()[0])[0].layers[0]
        mirror.fail(blob.name, Drop(1_000_000), 1)
        mirror.fail(blob.name, Status(404))
        assert source.root[0].digest == digest
        assert read(source, blob) == DATA
    assert [r.headers.get("range") for r in faulty.requests] == ["bytes=1000000-"], "only what the mirror did not give"
    assert [endpoint.host for endpoint in source.client.mirrors] == [mirror.address], "the dead one is passed over"


def test_a_mirror_without_a_name_is_one_of_the_hub(faulty: FaultyRegistry, time: Time) -> None:
    faulty.add_image("library/redis", "7", [DATA])
    source = open_repository("redis:7", clock=time.clock, mirrors=[faulty.address])
    assert source.entries()[0].tags == ("redis:7",)
    other = open_at(faulty, time, mirrors=["127.0.0.1:1"])
    assert other.client.mirrors == []
    with pytest.raises(UsageError, match="is no mirror"):
        open_at(faulty, time, mirrors=["me:secret@host"])


def test_proxies_are_used_but_not_for_the_loopback(
    faulty: FaultyRegistry, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    faulty.add_image("app", "1", [DATA])
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert open_at(faulty, time).entries()
    monkeypatch.setenv("http_proxy", faulty.url)
    monkeypatch.setenv("https_proxy", faulty.url)
    insecure = open_repository("registry.invalid/app:1", clock=time.clock, insecure=True)
    assert insecure.entries()
    assert faulty.requests[-1].headers["host"] == "registry.invalid"
    with pytest.raises(Unreachable, match="the proxy refused: tunnel connection failed: 501"):
        open_repository("registry.invalid/app:1", clock=time.clock).entries()
    monkeypatch.setenv("no_proxy", "registry.invalid")
    with pytest.raises(Unreachable, match="its name cannot be resolved"):
        open_repository("registry.invalid/app:1", clock=time.clock, insecure=True).entries()


def test_plain_http_is_for_the_loopback_only(time: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def refuse(self: object, method: str, url: str, *_: Any, **__: Any) -> None:
        asked.append(url.partition(":")[0])
        raise transport.ConnectionFailed("no-tls", "it does not speak TLS")

    monkeypatch.setattr(transport.Transport, "send", refuse)
    for host, insecure in [("r.example", False), ("r.example", True), ("127.9.9.9:5000", False), ("[::1]:5000", False)]:
        with pytest.raises(Unreachable):
            open_repository(f"{host}/app", clock=time.clock, insecure=insecure).entries()
        asked.append("|")
    assert " ".join(asked) == "https | https http | https http | https http |"


def test_the_measuring_reader_reads_as_from_a_file(faulty: FaultyRegistry, time: Time) -> None:
    source, blob = stored(faulty, time)
    with source.open(blob) as stream:
        assert stream.read(5) + stream.read(0) + stream.read(300_000) == DATA[:300_005]
        assert measure(stream).size == len(DATA) - 300_005
        assert stream.read(1) == b""
    assert source.others(frozenset()) == ()
    assert (source.key(blob), source.head(blob), source.format) == (blob.digest, b"", "registry")
