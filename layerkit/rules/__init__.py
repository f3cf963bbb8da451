"""The rules, in the order they are reported."""

from __future__ import annotations

from ..finding import Rule

RULES: tuple[Rule, ...] = ()
