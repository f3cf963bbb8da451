"""The JSON of Docker archives as moby reads it: manifest.json (image/tarexport/tarexport.go) and the config."""

from __future__ import annotations

from . import gojson

ITEM = gojson.struct(
    "tarexport.manifestItem",
    Config=gojson.TEXT,
    RepoTags=gojson.list_of(gojson.TEXT),
    Layers=gojson.list_of(gojson.TEXT),
    Parent=gojson.Shape("string", "image.ID"),
)
ITEMS = gojson.list_of(ITEM)


def _image(*, newer: bool) -> gojson.Shape:
    """image/image.go, `Image`, as Go decoded it up to 1.19 and since: times, embedded structs, the home of History."""
    time = gojson.TIME if newer else gojson.TIME_QUOTED
    text, flag, texts = gojson.TEXT, gojson.FLAG, gojson.list_of(gojson.TEXT)
    config = gojson.struct(
        "container.Config",
        **dict.fromkeys(("Hostname", "Domainname", "User", "Image", "WorkingDir", "MacAddress", "StopSignal"), text),
        **dict.fromkeys(("AttachStdin", "AttachStdout", "AttachStderr", "Tty", "OpenStdin", "StdinOnce"), flag),
        **dict.fromkeys(("ArgsEscaped", "NetworkDisabled"), flag),
        **dict.fromkeys(("Env", "OnBuild"), texts),
        **dict.fromkeys(("Cmd", "Entrypoint", "Shell"), gojson.WORDS),
        Labels=gojson.Shape("object", "map[string]string", gojson.TEXT),
        StopTimeout=gojson.Shape("number", "int"),
    )
    history = gojson.struct(
        "v1.History" if newer else "image.History",
        created=time,
        author=text,
        created_by=text,
        comment=text,
        empty_layer=flag,
    )
    names = ("id", "parent", "comment", "container", "docker_version", "author", "architecture", "variant", "os")
    inner = {**dict.fromkeys(names, text), "created": time, "config": config, "container_config": config}
    inner["size"] = gojson.NUMBER
    rootfs = gojson.struct("image.RootFS", type=text, diff_ids=gojson.list_of(gojson.Shape("string", "layer.DiffID")))
    embedded = dict.fromkeys(inner, "V1Image") if newer else {}
    fields = {**inner, "rootfs": rootfs, "history": gojson.list_of(history)}
    return gojson.Shape("object", "image.Image", fields=fields, embedded=embedded)


OLD_IMAGE, IMAGE = _image(newer=False), _image(newer=True)
