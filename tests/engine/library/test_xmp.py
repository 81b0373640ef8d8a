from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.library.xmp import BrokenXmp, Cull, Flag, Label, edited, read, verdict
from tests.engine.library.packets import CAPTURE_ONE, DARKTABLE, LIGHTROOM

OURS = {
    "{http://ns.adobe.com/xap/1.0/}Rating",
    "{http://ns.adobe.com/xap/1.0/}Label",
    "{http://ns.adobe.com/xmp/1.0/DynamicMedia/}pick",
}
PACKETS = {"lightroom": LIGHTROOM, "darktable": DARKTABLE, "capture one": CAPTURE_ONE}
verdicts = st.builds(Cull, st.integers(0, 5), st.sampled_from(Label), st.sampled_from(Flag))


def foreign(packet: bytes) -> list[tuple[str, dict[str, str], str]]:
    """All elements, attributes and texts in order, by another parser, without our properties of the photo."""
    root = ET.fromstring(packet)
    rdf = root.find("{http://www.w3.org/1999/02/22-rdf-syntax-ns#}RDF")
    assert rdf is not None
    for description in rdf:
        for name in OURS & set(description.attrib):
            del description.attrib[name]
        for child in list(description):
            if child.tag in OURS:
                description.remove(child)
    return [(each.tag, dict(each.attrib), (each.text or "").strip()) for each in root.iter()]


def test_verdicts_of_other_programs_are_read() -> None:
    assert read(LIGHTROOM) == Cull(3, Label.RED)
    assert read(DARKTABLE) == Cull(1, Label.GREEN)
    assert read(CAPTURE_ONE) == Cull(4)
    assert read(LIGHTROOM.replace(b'xmp:Rating="3"', b'xmp:Rating="-1"')) == Cull(0, Label.RED, Flag.REJECT)


@pytest.mark.parametrize("name", PACKETS)
@given(cull=verdicts)
def test_a_verdict_is_written_and_everything_else_stays(name: str, cull: Cull) -> None:
    packet = PACKETS[name]
    out = edited(packet, cull)
    assert read(out) == cull
    assert foreign(out) == foreign(packet)


def test_only_the_values_bytes_change() -> None:
    out = edited(LIGHTROOM, Cull(5, Label.BLUE))
    assert out == LIGHTROOM.replace(b'xmp:Rating="3"', b'xmp:Rating="5"').replace(b'"Red"', b'"Blue"')
    assert edited(LIGHTROOM, read(LIGHTROOM)) is LIGHTROOM
    assert edited(CAPTURE_ONE, Cull(2)) == CAPTURE_ONE.replace(b">4<", b">2<")


def test_a_label_cleared_here_goes_before_darktables_own_colours() -> None:
    out = edited(DARKTABLE, Cull(1))
    assert read(out).label is Label.NONE
    assert b"<rdf:li>2</rdf:li>" in out


@given(first=verdicts, second=verdicts)
def test_a_new_packet_holds_what_it_should_and_can_be_edited_again(first: Cull, second: Cull) -> None:
    packet = edited(None, first)
    assert read(packet) == first
    assert read(edited(packet, second)) == second
    ET.fromstring(packet)


def test_a_rejected_frame_without_stars_is_rejected_for_darktable_too() -> None:
    assert b'xmp:Rating="-1"' in edited(None, Cull(flag=Flag.REJECT))
    assert b'xmp:Rating="4"' in edited(None, Cull(4, flag=Flag.REJECT))
    assert b'xmp:Rating="0"' in edited(edited(None, Cull(flag=Flag.REJECT)), Cull())


def test_a_packet_without_a_verdict_says_nothing() -> None:
    empty = edited(None, Cull())
    assert read(empty) == Cull()
    assert verdict(empty) is None


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        b"not xml",
        LIGHTROOM[:-40],
        LIGHTROOM.decode().encode("utf-16"),
        b"<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'/>",
        b'<!DOCTYPE x [<!ENTITY a "b">]>' + LIGHTROOM,
        LIGHTROOM.replace(b"Adobe Color", b"Adobe \xff Color"),
    ],
)
def test_a_broken_packet_is_refused(packet: bytes) -> None:
    with pytest.raises(BrokenXmp):
        read(packet)
    with pytest.raises(BrokenXmp):
        edited(packet, Cull(3))
