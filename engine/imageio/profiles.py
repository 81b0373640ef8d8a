"""ICC profiles that photos without one (or with a grey one) get: sRGB, Display P3, Adobe RGB, ProPhoto, grey as RGB."""

from __future__ import annotations

import struct
from functools import cache, lru_cache

import imagecodecs

from engine.errors import ColourProfileError

PROFILE_HINT = "Assign a standard profile such as sRGB in another program and try again."
_SPACES = {b"RGB ": "rgb", b"GRAY": "gray", b"CMYK": "cmyk", b"Lab ": "lab"}


@cache
def srgb_profile() -> bytes:
    """Return sRGB (IEC 61966-2-1) with a parametric curve."""
    return bytes(imagecodecs.cms_profile("srgb"))


@cache
def lab_profile() -> bytes:
    """A version 4 L*a*b* D50 profile, the connection space."""
    return bytes(imagecodecs.cms_profile("lab4"))


@cache
def prophoto_profile() -> bytes:
    """ProPhoto RGB (ROMM primaries, D50) with a plain gamma of 1.8, as raw files are developed to."""
    primaries = (0.7347, 0.2653, 0.1596, 0.8404, 0.0366, 0.0001)
    return bytes(imagecodecs.cms_profile("rgb", whitepoint=(0.3457, 0.3585), primaries=primaries, gamma=1.8))


@cache
def adobe_rgb_profile() -> bytes:
    """A profile compatible with Adobe RGB (1998)."""
    return bytes(imagecodecs.cms_profile("adobergb"))


@cache
def display_p3_profile() -> bytes:
    """Display P3: DCI-P3 primaries, D65, the sRGB curve."""
    primaries = (0.680, 0.320, 0.265, 0.690, 0.150, 0.060)
    tags = _tags(bytes(imagecodecs.cms_profile("rgb", whitepoint=(0.3127, 0.3290), primaries=primaries, gamma=2.2)))
    srgb = srgb_profile()
    return _assemble(bytearray(srgb[:128]), tags | {name: _tags(srgb)[name] for name in (b"rTRC", b"gTRC", b"bTRC")})


def profile_space(icc: bytes) -> str:
    """The colour space that a profile describes: "rgb", "gray", "cmyk", "lab" or "other".

    Raises: ColourProfileError if the bytes are not an ICC profile.
    """
    if len(icc) < 132 or icc[36:40] != b"acsp":
        raise ColourProfileError("The embedded colour profile is damaged.", PROFILE_HINT)
    return _SPACES.get(icc[16:20], "other")


@lru_cache(maxsize=16)
def rgb_profile_of_grey(icc: bytes) -> bytes:
    """An RGB matrix profile under which equal R, G and B look as the grey value did under `icc`: the grey profile's own
    tone curve on the sRGB primaries.

    An RGB profile (some programs put one on grey files) is returned as it is.
    Raises: ColourProfileError if `icc` is damaged or has no tone curve.
    """
    space = profile_space(icc)
    if space == "rgb":
        return icc
    own = _tags(icc)
    if space != "gray" or b"kTRC" not in own:
        raise ColourProfileError("The embedded colour profile does not fit a grey photo.", PROFILE_HINT)
    template = _tags(srgb_profile())
    tags: dict[bytes, bytes] = {
        name: template[name] for name in (b"rXYZ", b"gXYZ", b"bXYZ", b"chad") if name in template
    }
    tags |= {name: own.get(name, template[name]) for name in (b"desc", b"cprt", b"wtpt")}
    tags |= {name: own[b"kTRC"] for name in (b"rTRC", b"gTRC", b"bTRC")}
    header = bytearray(icc[:128])
    header[12:24] = b"mntrRGB XYZ "
    header[84:100] = bytes(16)  # the identifier is a checksum of the old profile
    return _assemble(header, tags)


def _tags(icc: bytes) -> dict[bytes, bytes]:
    """Tag signature → tag data (ICC.1:2022, section 7.3)."""
    tags: dict[bytes, bytes] = {}
    for at in range(132, min(132 + 12 * struct.unpack_from(">I", icc, 128)[0], len(icc) - 11), 12):
        name, offset, size = struct.unpack_from(">4sII", icc, at)
        if offset + size <= len(icc):
            tags[name] = icc[offset : offset + size]
    return tags


def _assemble(header: bytearray, tags: dict[bytes, bytes]) -> bytes:
    """A profile of this header and these tags; equal tags share their data."""
    start = 132 + 12 * len(tags)
    table, body = struct.pack(">I", len(tags)), b""
    places: dict[bytes, int] = {}
    for name, data in tags.items():
        if data not in places:
            places[data] = start + len(body)
            body += data + b"\0" * (-len(data) % 4)
        table += struct.pack(">4sII", name, places[data], len(data))
    struct.pack_into(">I", header, 0, start + len(body))
    return bytes(header) + table + body
