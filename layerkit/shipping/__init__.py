"""Ship images to hosts: only what each lacks, the way that moves fewest bytes there, and look again.

| module | what |
|---|---|
| `sending` | `ship`: many hosts at once; `trip`: one of them; `line`: the connection to it |
| `cargo` | what goes to one host: an archive, what it needs there, how it has to look afterwards |
| `preflight` | which way, is the base there, is there room |
| `tunnel`, `served` | let the host pull from a read-only registry here, through a reverse tunnel |
| `upload` | pieces over SFTP, resumed at the byte |
| `proof` | look again; put names back after a failure |
| `fleet` | what a release would cost many sites, and what they share |
| `outcome`, `logbook` | what came of it, and the log of all shipments |
"""

from __future__ import annotations

from .fleet import Fleet, compare_sites
from .logbook import Logbook, read_log
from .outcome import Delivery, Shipment
from .preflight import Via
from .sending import ship

__all__ = ["Delivery", "Fleet", "Logbook", "Shipment", "Via", "compare_sites", "read_log", "ship"]
