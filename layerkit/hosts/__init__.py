"""Machines that hold images, here or over SSH: what is on them, what they load, and how they are looked at again.

Nothing is installed there. Programs are started from argument lists; what an image or a host says never becomes part of
a command.

| module | what |
|---|---|
| `host` | `connect` and `Host`, the face of it all |
| `docker`, `podman`, `containerd` | what each runtime is asked, how its answers are read; `runtime`: what they share |
| `shell`, `ssh`, `privilege` | programs on this machine, over SSH, through sudo |
| `address`, `hostkeys`, `login`, `asking` | ~/.ssh/config, known_hosts, keys and passwords |
| `script` | what `inventory.sh` printed on a site without a network |
| `opening`, `remote_tar`, `saved` | images and archives on hosts as sources |
"""

from __future__ import annotations

from ..sources.access import Reaching, RuntimeName
from .asking import Ask, Question, ask_terminal
from .host import Host, connect, take_inventory
from .hostkeys import ChangedHostKey, RevokedHostKey, UnknownHostKey
from .runtime import Held
from .script import SCRIPT, import_inventory
from .shell import Local, Result, Shell

__all__ = [
    "SCRIPT",
    "Ask",
    "ChangedHostKey",
    "Held",
    "Host",
    "Local",
    "Question",
    "Reaching",
    "Result",
    "RevokedHostKey",
    "RuntimeName",
    "Shell",
    "UnknownHostKey",
    "ask_terminal",
    "connect",
    "import_inventory",
    "take_inventory",
]
