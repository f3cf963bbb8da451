"""What the libraries of Go and the system say, in whatever program: tar, gzip, JSON, files, disks, processes.

These texts name no program. Which file they are about is told by the text in front of them.
"""

from __future__ import annotations

from dataclasses import replace

from layerkit.messages.sentence import Sentence

ANY = ("any program written in Go (docker, containerd, podman, skopeo, crane)",)
OS = ("any program; the operating system says it",)

UNEXPECTED_EOF = Sentence(
    id="golang.unexpected-eof",
    text="unexpected EOF",
    said_by=ANY,
    means="The data ended early: the archive or one layer is cut, or the layer is compressed in a way this "
    "program does not know (zstd on Docker before 23, xz or bzip2 on containerd).",
    kind="content",
    codes=("LK303", "LK205", "LK404", "LK301"),
    causes=("truncated-copy", "compression-unsupported", "corrupt-copy"),
    next="Compare size and sha256 of the file with the ones at its origin, then diagnose it: truncation and "
    "compression are told apart there.",
)
EOF = Sentence(
    id="golang.eof",
    text="EOF",
    said_by=ANY,
    means="There was nothing to read where something was expected: an empty file or a closed connection.",
    kind="content",
    codes=("LK301", "LK303"),
    causes=("truncated-copy",),
    next="Diagnose the file: an empty manifest.json or an empty archive shows at once.",
    whole=True,
)
INVALID_TAR_HEADER = Sentence(
    id="golang.invalid-tar-header",
    text="archive/tar: invalid tar header",
    said_by=ANY,
    means="What was read is not a tar file: compressed in a way the program does not undo, redirected by "
    "PowerShell (UTF-16), a web page, or damaged.",
    kind="format",
    codes=("LK304", "LK404", "LK202", "LK303"),
    causes=("utf16-redirect", "compression-unsupported", "corrupt-copy", "truncated-copy"),
    next="Diagnose the file: its first bytes tell what it is. Use docker save -o FILE instead of > in PowerShell.",
)
INVALID_GZIP_HEADER = Sentence(
    id="golang.invalid-gzip-header",
    text="gzip: invalid header",
    said_by=ANY,
    means="A layer that is called gzip is not: it is plain, zstd, or damaged.",
    kind="compression",
    codes=("LK402", "LK404", "LK205"),
    causes=("compression-unsupported", "corrupt-copy"),
    next="Diagnose the image: the layer table shows the media type beside the real compression.",
)
GZIP_CHECKSUM = Sentence(
    id="golang.gzip-checksum",
    text="gzip: invalid checksum",
    said_by=ANY,
    means="A gzip stream was read to its end and its own checksum is wrong: bytes were changed on the way.",
    kind="content",
    codes=("LK205", "LK203", "LK202"),
    causes=("corrupt-copy",),
    next="Copy or fetch the layer again; compare sha256 at both ends.",
)
FLATE_CORRUPT = Sentence(
    id="golang.flate-corrupt",
    text="flate: corrupt input before offset {offset:d}",
    said_by=ANY,
    means="A gzip stream is damaged at byte {offset} or before.",
    kind="content",
    fields={"offset": "bytes read until the damage showed"},
    codes=("LK205", "LK203"),
    causes=("corrupt-copy",),
    next="Copy or fetch the layer again; compare sha256 at both ends.",
)
UNPIGZ_CUT = Sentence(
    id="golang.unpigz-incomplete",
    text="unpigz: skipping: <stdin>: corrupted -- incomplete deflate data",
    said_by=("docker and containerd, where unpigz is installed",),
    means="A gzip layer ends early.",
    kind="content",
    codes=("LK205",),
    causes=("truncated-copy", "corrupt-copy"),
    next="Copy or fetch the layer again; compare sizes at both ends.",
)
UNPIGZ_CORRUPT = Sentence(
    id="golang.unpigz-corrupted",
    text="unpigz: skipping: <stdin>: corrupted",
    said_by=UNPIGZ_CUT.said_by,
    means="A gzip layer is cut or damaged.",
    kind="content",
    codes=("LK205",),
    causes=("truncated-copy", "corrupt-copy"),
    next="Copy or fetch the layer again; compare sizes and sha256 at both ends.",
)
ZSTD_CHECKSUM = replace(
    GZIP_CHECKSUM,
    id="golang.zstd-checksum",
    text="invalid checksum",
    means="A zstd stream was read to its end and its own checksum is wrong: bytes were changed on the way.",
    whole=True,
)
BZIP2_CHECKSUM = replace(
    GZIP_CHECKSUM,
    id="golang.bzip2-checksum",
    text="bzip2 data invalid: block checksum mismatch",
    means="A bzip2 stream has a wrong checksum: bytes were changed on the way.",
)
BZIP2_TAIL = replace(
    GZIP_CHECKSUM,
    id="golang.bzip2-tail",
    text="bzip2 data invalid: bad magic value in continuation file",
    means="Something that is no bzip2 follows the end of a bzip2 stream.",
)
XZ_CHECKSUM = replace(
    GZIP_CHECKSUM,
    id="golang.xz-checksum",
    text="xz: checksum error for block",
    means="An xz stream has a wrong checksum: bytes were changed on the way.",
)
NO_BINARY = Sentence(
    id="golang.no-binary",
    text="exec: {program:q}: executable file not found in $PATH",
    said_by=("docker and containerd",),
    means="The layer or archive needs the program {program} to be unpacked, and the daemon's machine has none.",
    kind="compression",
    fields={"program": "the program that is missing"},
    codes=("LK404",),
    causes=("compression-unsupported",),
    next="Export the image with gzip layers, or install {program} where the daemon runs.",
)
ZSTD_MAGIC = Sentence(
    id="golang.zstd-invalid",
    text="invalid input: magic number mismatch",
    said_by=ANY,
    means="What is called zstd is not zstd.",
    kind="compression",
    codes=("LK402", "LK205"),
    causes=("corrupt-copy",),
    next="Diagnose the image: the layer table shows the media type beside the real compression.",
)
INVALID_CHARACTER = Sentence(
    id="golang.json-invalid-character",
    text="invalid character {character} in literal {literal} (expecting {expecting})",
    said_by=ANY,
    means="A file that should be JSON is not: it begins like the word {literal} and goes on differently.",
    kind="format",
    fields={
        "character": "the character that was found",
        "literal": "the word it looked like",
        "expecting": "the next letter",
    },
    codes=("LK301", "LK210"),
    causes=("corrupt-copy", "utf16-redirect"),
    next="Diagnose the archive: it names the file (manifest.json, index.json or the config) that is not JSON.",
)
INVALID_CHARACTER_START = Sentence(
    id="golang.json-invalid-start",
    text="invalid character {character} looking for beginning of value",
    said_by=ANY,
    means="A file that should be JSON starts with {character}: a web page starts with <, a gzip file with "
    "\\x1f, a text saved by PowerShell with ÿ or ï.",
    kind="format",
    fields={"character": "the character that was found"},
    codes=("LK301", "LK210", "LK304"),
    causes=("utf16-redirect", "corrupt-copy"),
    next="Diagnose the archive: it names the file that is not JSON and what it is instead.",
)
INVALID_CHARACTER_AFTER = Sentence(
    id="golang.json-invalid-after",
    text="invalid character {character} after top-level value",
    said_by=ANY,
    means="A JSON file goes on after its end, or has a character too many ({character}).",
    kind="format",
    fields={"character": "the character that was found"},
    codes=("LK301", "LK210"),
    causes=("concatenated-archives", "corrupt-copy"),
    next="Diagnose the archive: it names the file that is not JSON.",
)
INVALID_CHARACTER_PAIR = replace(
    INVALID_CHARACTER_AFTER,
    id="golang.json-invalid-pair",
    text="invalid character {character} after object key:value pair",
    means="A JSON file is damaged: {character} stands where a comma or a closing brace belongs.",
    causes=("corrupt-copy",),
)
JSON_END = Sentence(
    id="golang.json-end",
    text="unexpected end of JSON input",
    said_by=ANY,
    means="A JSON file is empty or cut.",
    kind="format",
    codes=("LK301", "LK210", "LK303"),
    causes=("truncated-copy",),
    next="Diagnose the archive: it names the file.",
)
JSON_TYPE = Sentence(
    id="golang.json-type",
    text="json: cannot unmarshal {found:w} into Go value of type {wanted}",
    said_by=ANY,
    means="A JSON file holds a JSON {found} where the program expects another shape; manifest.json must be "
    "a list of images.",
    kind="format",
    fields={"found": "the JSON type that was found", "wanted": "the Go type that was expected"},
    codes=("LK301", "LK210"),
    next="Diagnose the archive: manifest.json may be an OCI manifest under the wrong name.",
)
JSON_FIELD_TYPE = Sentence(
    id="golang.json-field-type",
    text="json: cannot unmarshal {found:w} into Go struct field {field:w} of type {wanted}",
    said_by=ANY,
    means="In a JSON file the field {field} holds a JSON {found}, another type was expected.",
    kind="format",
    fields={"found": JSON_TYPE.fields["found"], "field": "the field", "wanted": JSON_TYPE.fields["wanted"]},
    codes=("LK301", "LK210"),
    next="Diagnose the archive: it names the file.",
)
NO_SUCH_FILE = Sentence(
    id="golang.no-such-file",
    text="open {path}: no such file or directory",
    said_by=OS,
    means="The file {path} is not there.",
    kind="missing",
    codes=("LK201", "LK203", "LK301"),
    causes=("incremental-filter", "truncated-copy"),
    next="See whether the path is the archive itself (a typing error) or a part of it (then diagnose the archive).",
)
NO_SUCH_FILE_STAT = Sentence(
    id="golang.no-such-file-stat",
    text="stat {path}: no such file or directory",
    said_by=OS,
    means="The file {path} is not there.",
    kind="missing",
    codes=("LK201", "LK301"),
    next=NO_SUCH_FILE.next,
)
NO_SUCH_FILE_LSTAT = Sentence(
    id="golang.no-such-file-lstat",
    text="lstat {path}: no such file or directory",
    said_by=OS,
    means="The file {path} is not there.",
    kind="missing",
    codes=("LK201", "LK211"),
    next=NO_SUCH_FILE.next,
)
BLOB_FILE_ABSENT = Sentence(
    id="golang.blob-file-absent",
    text="open {directory}/blobs/sha256/{digest:h}: no such file or directory",
    said_by=(
        "podman, skopeo or buildah on an OCI layout",
        "docker load, classic store, on an OCI archive with manifest.json",
    ),
    means="The archive does not hold the blob {digest}.",
    kind="missing",
    codes=("LK201", "LK211", "LK210", "LK308"),
    causes=("incremental-filter", "missing-platform", "manifest-only-store", "truncated-copy"),
    next="Diagnose the archive: it says which layer, config or platform the blob belongs to.",
)
LSTAT_NOT_A_DIRECTORY = Sentence(
    id="golang.lstat-not-a-directory",
    text="lstat {path}: not a directory",
    said_by=OS,
    means="{path} leads through a file as if that were a folder.",
    kind="missing",
    codes=("LK201", "LK305"),
    next=NO_SUCH_FILE.next,
)
READ_DIRECTORY = Sentence(
    id="golang.read-directory",
    text="read {path}: is a directory",
    said_by=OS,
    means="{path} is a folder and should be a file.",
    kind="missing",
    codes=("LK201", "LK301", "LK309"),
    next="Diagnose the archive: a path in manifest.json is empty or names a folder.",
)
TOO_MANY_LEVELS = Sentence(
    id="golang.too-many-levels",
    text="open {path}: too many levels of symbolic links",
    said_by=OS,
    means="The symbolic links that {path} leads through form a circle.",
    kind="missing",
    codes=("LK307",),
    next="Repair the archive: it replaces links by the files they stand for.",
)
NO_LINK_TARGET = Sentence(
    id="golang.link-without-target",
    text="link {target:w} {link:w}: no such file or directory",
    said_by=OS,
    means="The hard link {link} of an archive leads to {target}, which is not in front of it in the archive.",
    kind="missing",
    codes=("LK307",),
    next="Repair the archive: it replaces links by the files they stand for.",
)
EXIT_STATUS = Sentence(
    id="golang.exit-status",
    text="exit status {status:d}: ",
    said_by=("any program that starts another one, as Docker and containerd start unpigz and xz",),
    means="A program that was started to decompress something failed.",
    kind="wrapper",
    fields={"status": "exit status of that program"},
)
NO_SPACE = Sentence(
    id="golang.no-space",
    text="no space left on device",
    said_by=OS,
    means="A disk is full. A load needs room for the whole archive and for the unpacked layers at once.",
    kind="space",
    next="Free room where the daemon keeps its data and its temporary files, then load again. Send only the "
    "layers the target lacks.",
)
QUOTA = Sentence(
    id="golang.quota",
    text="disk quota exceeded",
    said_by=OS,
    means="The user's or directory's share of the disk is used up.",
    kind="space",
    next=NO_SPACE.next,
)
PERMISSION = Sentence(
    id="golang.permission-denied",
    text="permission denied",
    said_by=OS,
    means="The user may not do this here; for docker it usually means the daemon's socket.",
    kind="access",
    next="Run as a user who may; this says nothing about the archive.",
)
NO_DAEMON = Sentence(
    id="golang.no-daemon",
    text="Cannot connect to the Docker daemon at {url:w}. Is the docker daemon running?",
    said_by=("docker, all versions",),
    means="No Docker daemon answers at {url}.",
    kind="access",
    fields={"url": "the address that was tried"},
    next="Start the daemon or set DOCKER_HOST; this says nothing about the archive.",
)
INDEX_PANIC = Sentence(
    id="golang.index-panic",
    text="panic: runtime error: index out of range [{index:d}] with length {length:d}",
    said_by=("umoci, crane validate, regctl or dive: a crash, not a check",),
    means="The program crashed: it wanted entry {index} (counted from 0) of a list that has {length}. For "
    "images that is a manifest with more layers than the config has diff IDs, or an empty list of images.",
    kind="count",
    fields={"index": "position that was wanted, counted from 0", "length": "entries that are there"},
    codes=("LK104", "LK101", "LK301", "LK102"),
    causes=("schema1-empty-layers", "build-cache", "dedup-diff-ids"),
    next="Diagnose the image: the counts of manifest, config and history are shown side by side.",
)
SENTENCES = tuple(value for value in list(globals().values()) if isinstance(value, Sentence))
