"""The colours of the HTML report. Text on its ground has a contrast of 4.5 or more (WCAG 2.2, 1.4.3)."""

from __future__ import annotations

from collections.abc import Mapping

LIGHT: Mapping[str, str] = {
    "bg": "#ffffff",
    "fg": "#1c2430",
    "mut": "#56616e",
    "line": "#e1e5ea",
    "card": "#f7f9fb",
    "bad": "#b42318",
    "badbg": "#fdecea",
    "warn": "#7d5200",
    "warnbg": "#fff3d9",
    "good": "#11693f",
    "goodbg": "#e6f6ed",
    "acc": "#2f62a8",
    "config": "#3b6fb6",
    "manifest": "#6b57b8",
    "oci": "#a04f8e",
    "history": "#7c8a99",
    "bytes": "#1b8a6b",
}
DARK: Mapping[str, str] = {
    "bg": "#12161c",
    "fg": "#e6eaef",
    "mut": "#9fabb7",
    "line": "#2a323c",
    "card": "#1a2029",
    "bad": "#ff9d91",
    "badbg": "#3a1b18",
    "warn": "#f2c464",
    "warnbg": "#36290f",
    "good": "#6fd6a2",
    "goodbg": "#143024",
    "acc": "#86b2ee",
    "config": "#6f9fe0",
    "manifest": "#a08ff0",
    "oci": "#d58cc4",
    "history": "#7d8a98",
    "bytes": "#4cc3a0",
}
TEXT_ON: tuple[tuple[str, str], ...] = (
    ("fg", "bg"),
    ("fg", "card"),
    ("fg", "badbg"),
    ("mut", "bg"),
    ("mut", "card"),
    ("mut", "badbg"),
    ("bad", "bg"),
    ("bad", "card"),
    ("bad", "badbg"),
    ("warn", "warnbg"),
    ("good", "goodbg"),
    ("acc", "bg"),
    ("acc", "card"),
)
"""Which colour of text stands on which ground."""
SHAPES: tuple[str, ...] = ("config", "manifest", "oci", "history", "bytes", "bad")
"""Colours of cells, which stand on `card`; 3 is enough for them (WCAG 2.2, 1.4.11)."""


def properties(palette: Mapping[str, str]) -> str:
    """A palette as CSS custom properties."""
    return "".join(f"--lk-{name}:{colour};" for name, colour in palette.items())
