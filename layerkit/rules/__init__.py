"""The rules, in the order they are reported."""

from __future__ import annotations

from ..finding import Rule
from . import blobs, container, content, counts, links, media, members, metadata

RULES: tuple[Rule, ...] = (
    counts.LK101,
    counts.LK102,
    counts.LK103,
    counts.LK104,
    counts.LK105,
    blobs.LK201,
    content.LK202,
    content.LK203,
    blobs.LK204,
    content.LK205,
    blobs.LK206,
    content.LK207,
    content.LK208,
    content.LK209,
    blobs.LK210,
    blobs.LK211,
    container.LK301,
    members.LK302,
    members.LK303,
    container.LK304,
    members.LK305,
    container.LK306,
    links.LK307,
    container.LK308,
    links.LK309,
    container.LK310,
    links.LK311,
    metadata.LK401,
    media.LK402,
    metadata.LK403,
    media.LK404,
    media.LK405,
    metadata.LK406,
    metadata.LK407,
    metadata.LK408,
    metadata.LK409,
)
