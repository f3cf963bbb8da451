"""Debian's Chromium for Playwright, which then downloads no browser of its own."""

from __future__ import annotations

from tests.services.need import need

# It talks to the loopback only: everything that would phone home is off.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def need_chromium() -> str:
    """The path of Chromium: `playwright.chromium.launch(executable_path=need_chromium(), args=ARGUMENTS)`."""
    return str(need("chromium"))
