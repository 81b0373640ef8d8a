"""Skin marks painted on real portraits, with ground truth, in melanin and haemoglobin terms.

A mark is optical density: linear RGB falls by exp(−D) (Lambert–Beer). Chromophores add m·MELANIN + h·HAEMOGLOBIN
(directions from the spectra in Jacques 2013, REFERENCES: jacques2013, averaged over camera bands; marks as sums of soft
blobs as in CGFR, REFERENCES: cgfr); relief and gloss, being factors on the light, add their negative logarithm. Some
marks are tinted towards a fixed colour instead, so that a network does not learn this generator only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from engine.marks.kinds import KEPT
from engine.types import F32, KEPT_BY_DEFAULT, MARK_CLASSES, MarkKind

MELANIN = np.array([0.32, 0.48, 0.82], np.float32)
HAEMOGLOBIN = np.array([0.17, 0.76, 0.63], np.float32)
OXYGEN = 0.35, 1.75
"""Factors on haemoglobin's density in red: oxygenated absorbs less than its mean there, deoxygenated more, and cameras'
red bands and colour matrices differ, so that a mark as red may be little darker than skin, or much."""
BLOODY = 0.5
"""Most blood that a mole or freckle holds, in shares of its melanin. In thirteen moles cut from photographs red falls
by 0.37 to 0.76 of green, in thirty-four pimples and scabs by 0.04 to 0.43; by 0.67 in melanin, by 0.22 in blood."""
NEUTRAL = np.array([0.55, 0.6, 0.65], np.float32)
"""Oxidised keratin of blackheads: nearly grey."""

VISIBLE = 0.03, 0.08
"""Optical density from which a pixel belongs to a mark, in part and wholly."""

Rng = np.random.Generator


def seen(density: F32) -> F32:
    """(H, W) in [0, 1], where a density (H, W, 3) belongs to a mark."""
    return np.asarray(np.clip((np.abs(density).max(-1) - VISIBLE[0]) / (VISIBLE[1] - VISIBLE[0]), 0, 1), np.float32)


@dataclass(frozen=True)
class Painted:
    """linear RGB (H, W, 3): `marked` with every mark, `kept` with the kept kinds only, `clean` without any.
    classes: (K, H, W) masks in [0, 1], one per kind of `MARK_CLASSES`."""

    marked: F32
    kept: F32
    clean: F32
    classes: F32

    @property
    def removable(self) -> F32:
        """(H, W) mask in [0, 1] of the kinds that are removed by default."""
        return np.asarray(self.classes[~KEPT].max(0), np.float32)

    @property
    def keep(self) -> F32:
        """(H, W) mask in [0, 1] of the kinds that are kept by default."""
        return np.asarray(self.classes[KEPT].max(0), np.float32)


@dataclass(frozen=True)
class Place:
    """Where a mark is drawn: the light's direction in the picture, and the skin's linear RGB there."""

    light: tuple[float, float]
    skin: F32
    rng: Rng


def _shape(radius: float, edge: float, rough: float, rng: Rng, extent: float) -> F32:
    """Soft irregular disc (S, S) in [0, 1], a super-Gaussian; `edge` 1 and above is a Gaussian, 0.2 is crisp."""
    size = _size(extent)
    c = ((size - 1) / 2 + rng.uniform(-0.5, 0.5, 2)).astype(np.float32)
    axis = np.arange(size, dtype=np.float32)
    dx, dy = (axis - c[0])[None], (axis - c[1])[:, None]
    stretch, turn = rng.uniform(1, 1.45), rng.uniform(0, np.pi)
    cos, sin = np.float32(np.cos(turn)), np.float32(np.sin(turn))
    u, v = (cos * dx + sin * dy) * np.float32(stretch), -sin * dx + cos * dy
    angle = np.arctan2(v, u)
    outline = np.ones_like(angle)
    for k in range(2, 5):
        outline += np.float32(rough / k * rng.normal()) * np.cos(k * angle + np.float32(rng.uniform(0, 6.3)))
    r2 = (u * u + v * v) / (np.float32(radius**2) * np.clip(outline, 0.45, 1.7) ** 2)
    return np.asarray(np.exp(-(np.minimum(r2, 36) ** np.float32(max(1 / edge, 1.0)))), np.float32)


def _size(extent: float) -> int:
    return int(np.ceil(extent * 8)) | 1


def _mottle(size: int, scale: float, amount: float, rng: Rng) -> F32:
    """Factor around 1 that breaks up an even colour, (S, S)."""
    noise = rng.standard_normal((size, size), dtype=np.float32)
    noise = np.asarray(cv2.GaussianBlur(noise, (0, 0), max(scale, 0.4)), np.float32)
    return np.asarray(np.clip(1 + amount * noise / (noise.std() + 1e-6), 0.2, 2.0), np.float32)


def _relief(shape: F32, radius: float, light: tuple[float, float], height: float) -> F32:
    """Density (S, S, 1) of the shading of a bump (height > 0) or pit (< 0) of profile `shape`, lit from `light`."""
    soft = cv2.GaussianBlur(shape, (0, 0), max(radius / 3, 0.6))
    gx, gy = cv2.Sobel(soft, cv2.CV_32F, 1, 0, ksize=3), cv2.Sobel(soft, cv2.CV_32F, 0, 1, ksize=3)
    slope = (gx * light[0] + gy * light[1]) * shape**0.25 * radius / 6  # no shade where the mark has ended
    return np.asarray(-np.log(np.clip(1 + height * slope, 0.75, 1.25))[..., None], np.float32)


def _lighter(shape: F32, light: F32, place: Place) -> F32:
    """Density (S, S, 3) of light (3,), in shares of the skin's own, that a surface adds where `shape` is 1, in a colour
    of its own however red the skin is."""
    added = light * place.skin.mean() / np.maximum(place.skin, 0.02)
    return np.asarray(-np.log1p(shape[..., None] * added), np.float32)


def _gloss(radius: float, place: Place, amount: float) -> F32:
    """Density (S, S, 3) of a small highlight on the side of the light."""
    spot = _shape(max(radius * 0.16, 0.6), 1.2, 0.1, place.rng, radius)
    shift = int(-place.light[1] * radius * 0.4), int(-place.light[0] * radius * 0.4)
    return _lighter(np.roll(spot, shift, (0, 1)), np.full(3, amount, np.float32), place)


def _blood(rng: Rng) -> F32:
    """Density (3,) of haemoglobin with this mark's share of oxygen."""
    return HAEMOGLOBIN * np.array([rng.uniform(*OXYGEN), 1, 1], np.float32)


def _papule(radius: float, place: Place) -> F32:
    rng = place.rng
    core = _shape(radius, rng.uniform(0.5, 1.5), 0.16, rng, radius)
    halo = _shape(radius * rng.uniform(1.3, 1.9), 2.2, 0.18, rng, radius)
    mottle = _mottle(len(core), radius / 4, 0.15, rng)
    strength = 0.06 + 0.54 * rng.random() ** 1.5  # faint ones are many
    h = (core * strength + halo * strength * rng.uniform(0.1, 0.5)) * mottle
    density = h[..., None] * _blood(rng) + (core * mottle * rng.uniform(0, 0.15))[..., None] * MELANIN
    density += _relief(core, radius, place.light, 0.6 * rng.random() ** 2)
    if rng.random() < 0.5:
        density += _gloss(radius, place, rng.uniform(0.05, 0.35))
    return density


def _pustule(radius: float, place: Place) -> F32:
    rng = place.rng
    head = _shape(radius * rng.uniform(0.25, 0.5), 0.9, 0.1, rng, radius)
    pus = np.array([1, 0.95, 0.75], np.float32) * np.float32(rng.uniform(0.15, 0.7))
    return _papule(radius, place) + _lighter(head, pus, place)


def _macule(radius: float, place: Place) -> F32:
    """Flat redness that acne leaves, pink to purple."""
    rng = place.rng
    core = _shape(radius, rng.uniform(0.8, 2.2), 0.22, rng, radius)
    mottle = _mottle(len(core), radius / 3, 0.12, rng)
    amounts = _blood(rng) * np.float32(rng.uniform(0.06, 0.4)) + MELANIN * np.float32(rng.uniform(0, 0.08))
    return (core * mottle)[..., None] * amounts


def _flush(radius: float, place: Place) -> F32:
    """A wide, faint patch of redness around where acne is or was."""
    rng = place.rng
    core = _shape(radius, rng.uniform(1.0, 2.4), 0.25, rng, radius) * _mottle(_size(radius), radius / 3, 0.12, rng)
    return core[..., None] * _blood(rng) * np.float32(0.07 + 0.18 * rng.random() ** 1.5)


def _scab(radius: float, place: Place) -> F32:
    rng = place.rng
    core = _shape(radius, rng.uniform(0.15, 0.6), 0.3, rng, radius) * _mottle(_size(radius), 0.9, 0.35, rng)
    halo = _shape(radius * 1.5, 2.0, 0.2, rng, radius)
    m, h = core * rng.uniform(0.1, 0.5), core * rng.uniform(0.3, 0.8) + halo * rng.uniform(0.05, 0.2)
    return m[..., None].astype(np.float32) * MELANIN + h[..., None].astype(np.float32) * _blood(rng)


def _brown(rng: Rng, greyest: float) -> F32:
    """Melanin, and up to a share of a greyer absorber: dense melanin looks less yellow than thin."""
    grey = np.float32(rng.uniform(0, greyest))
    return (1 - grey) * MELANIN + grey * NEUTRAL


def _dark_spot(radius: float, place: Place) -> F32:
    """Pigment that acne leaves: brown with a share of redness that moles and freckles do not have."""
    rng = place.rng
    core = _shape(radius, rng.uniform(0.5, 2.4), 0.22, rng, radius) * _mottle(_size(radius), radius / 3, 0.12, rng)
    brown, red = rng.uniform(0.08, 0.5), rng.uniform(0.4, 1.0)
    amounts = np.float32(brown) * (_brown(rng, 0.4) + np.float32(red) * _blood(rng))
    return core[..., None] * amounts


def _blackhead(radius: float, place: Place) -> F32:
    core = _shape(radius, 0.8, 0.1, place.rng, radius)
    return core[..., None] * NEUTRAL * np.float32(place.rng.uniform(0.12, 0.85))


def _tint(radius: float, place: Place, colours: F32, opacity: tuple[float, float]) -> F32:
    """A soft disc painted over the skin in a colour between two linear RGBs (2, 3)."""
    rng = place.rng
    core = _shape(radius, rng.uniform(0.3, 1.6), 0.12, rng, radius)
    if rng.random() < 0.5:
        core = core * _mottle(len(core), radius / 3, 0.15, rng)
    colour = colours[0] + (colours[1] - colours[0]) * np.float32(rng.random())
    alpha = np.clip(core * np.float32(rng.uniform(*opacity)), 0, 0.95)[..., None]
    return np.asarray(-np.log(1 - alpha + alpha * colour / np.maximum(place.skin, 0.02)), np.float32)


RED_TINTS = np.array([[0.9, 0.25, 0.2], [1.1, 0.45, 0.5]], np.float32)
BROWN_TINTS = np.array([[0.08, 0.05, 0.04], [0.45, 0.33, 0.25]], np.float32)
"""Times the skin's own colour: from deep red to pink, from nearly black to light brown."""


def _red_tint(radius: float, place: Place) -> F32:
    return _tint(radius, place, RED_TINTS * place.skin, (0.25, 0.9))


def _pit(radius: float, place: Place) -> F32:
    rng = place.rng
    core = _shape(radius, rng.uniform(0.4, 1.2), 0.3, rng, radius)
    shade = _relief(core, radius, place.light, -(0.15 + 0.75 * rng.random() ** 1.5))
    tone = core[..., None] * (NEUTRAL * np.float32(rng.uniform(0, 0.12)))
    return np.asarray(shade + tone if rng.random() < 0.7 else -shade - tone / 2, np.float32)


def _mole(radius: float, place: Place) -> F32:
    rng = place.rng
    core = _shape(radius, rng.uniform(0.25, 0.9), 0.09, rng, radius)
    body = core * _mottle(len(core), radius / 3, 0.12, rng)
    blood = np.float32(BLOODY * rng.random() ** 2)
    density = body[..., None] * np.float32(rng.uniform(0.6, 1.8)) * (_brown(rng, 0.8) + blood * _blood(rng))
    if rng.random() < 0.4:
        density = density + _relief(core, radius, place.light, rng.uniform(0, 0.5))
    if rng.random() < 0.2:
        density = density + _gloss(radius, place, rng.uniform(0.05, 0.25))
    return density


def _brown_tint(radius: float, place: Place) -> F32:
    return _tint(radius, place, BROWN_TINTS * place.skin, (0.65, 0.95))


def _freckle(radius: float, place: Place) -> F32:
    """Irregular, often stretched, and never as dark as a mole."""
    rng = place.rng
    core = _shape(radius, rng.uniform(0.7, 1.6), 0.45, rng, radius)
    colour = _brown(rng, 0.2) + _blood(rng) * np.float32(BLOODY * rng.random() ** 2)
    return np.asarray(core[..., None] * colour * np.float32(0.07 + 0.38 * rng.random() ** 1.5), np.float32)


@dataclass(frozen=True)
class Sort:
    """One sort of mark: what it counts as, its radius as a share of face width W, and how to draw its density."""

    kind: MarkKind
    radius: tuple[float, float]
    draw: Callable[[float, Place], F32]


SORTS = {
    "papule": Sort(MarkKind.BLEMISH, (0.005, 0.020), _papule),
    "pustule": Sort(MarkKind.BLEMISH, (0.006, 0.018), _pustule),
    "nodule": Sort(MarkKind.BLEMISH, (0.018, 0.034), _papule),
    "macule": Sort(MarkKind.BLEMISH, (0.005, 0.022), _macule),
    "flush": Sort(MarkKind.BLEMISH, (0.016, 0.036), _flush),
    "red tint": Sort(MarkKind.BLEMISH, (0.004, 0.020), _red_tint),
    "scab": Sort(MarkKind.BLEMISH, (0.004, 0.014), _scab),
    "blackhead": Sort(MarkKind.DARK_SPOT, (0.0022, 0.0042), _blackhead),
    "dark spot": Sort(MarkKind.DARK_SPOT, (0.005, 0.018), _dark_spot),
    "pit": Sort(MarkKind.SCAR, (0.004, 0.016), _pit),
    "mole": Sort(MarkKind.MOLE, (0.0035, 0.014), _mole),
    "brown tint": Sort(MarkKind.MOLE, (0.0035, 0.014), _brown_tint),
    "freckle": Sort(MarkKind.FRECKLE, (0.0022, 0.008), _freckle),
}
ACNE = {
    "papule": 0.3,
    "pustule": 0.12,
    "nodule": 0.03,
    "macule": 0.16,
    "flush": 0.04,
    "red tint": 0.1,
    "scab": 0.12,
    "blackhead": 0.1,
    "dark spot": 0.15,
}
"""What acne is made of; each face has its own mixture around this."""


class _Canvas:
    """Collects the density of removable and of kept marks, and the masks of all classes."""

    def __init__(self, linear: F32, skin: F32, width: float, rng: Rng) -> None:
        shape = linear.shape[:2]
        self.linear, self.skin, self.width, self.rng = linear, skin, width, rng
        self.removed, self.kept = np.zeros_like(linear), np.zeros_like(linear)
        self.classes = np.zeros((len(MARK_CLASSES), *shape), np.float32)
        self.rows, self.columns = np.nonzero(skin > 0.7)
        turn = rng.uniform(0, 2 * np.pi)
        self.light = float(np.cos(turn)), float(np.sin(turn))

    def anywhere(self) -> tuple[int, int]:
        i = int(self.rng.integers(len(self.rows)))
        return int(self.rows[i]), int(self.columns[i])

    def near(self, centre: tuple[int, int], spread: float) -> tuple[int, int]:
        """A skin pixel near a centre (σ as a share of W), or anywhere if that falls off the skin."""
        y, x = (int(c + self.rng.normal() * self.width * spread) for c in centre)
        inside = 0 <= y < self.skin.shape[0] and 0 <= x < self.skin.shape[1] and self.skin[y, x] > 0.7
        return (y, x) if inside else self.anywhere()

    def add(self, sort: Sort, at: tuple[int, int]) -> None:
        low, high = np.log(sort.radius)
        radius = float(np.exp(self.rng.uniform(low, high))) * self.width
        blob = sort.draw(radius, Place(self.light, self.linear[at], self.rng))
        size = blob.shape[0]
        y, x = at[0] - size // 2, at[1] - size // 2
        y0, x0 = max(y, 0), max(x, 0)
        y1, x1 = min(y + size, self.skin.shape[0]), min(x + size, self.skin.shape[1])
        inner, outer = (slice(y0 - y, y1 - y), slice(x0 - x, x1 - x)), (slice(y0, y1), slice(x0, x1))
        density = blob[inner] * np.clip(self.skin[outer] * 2, 0, 1)[..., None]
        (self.kept if sort.kind in KEPT_BY_DEFAULT else self.removed)[outer] += density
        mask = self.classes[MARK_CLASSES.index(sort.kind)][outer]
        np.maximum(mask, seen(density), out=mask)

    def finish(self) -> Painted:
        kept = self.linear * np.exp(-self.kept)
        marked = kept * np.exp(-self.removed)
        return Painted(np.clip(marked, 0, 1), np.clip(kept, 0, 1), self.linear, self.classes)


def paint(linear: F32, skin: F32, width: float, rng: Rng, *, severity: float | None = None) -> Painted:
    """Paint marks on `linear` RGB (H, W, 3) in [0, 1] where `skin` (H, W) is at least .7.

    Args:
        width: face width W in pixels. severity: removable marks per W² of skin; random, from none to heavy acne, if
        not given.
    """
    if rng.random() < 0.3:
        linear = (linear * np.exp(-_redness(linear.shape[:2], width, rng))).astype(np.float32)
    if rng.random() < 0.15:
        linear = (linear * np.exp(-_strands(linear.shape[:2], width, rng))).astype(np.float32)
    if rng.random() < 0.08:
        linear = (linear * np.exp(-stubble(skin, width, rng))).astype(np.float32)
    canvas = _Canvas(linear, skin, width, rng)
    if len(canvas.rows):
        area = len(canvas.rows) / width**2
        freckled = rng.random() < 0.33
        chances = [0.3, 0.4, 0.2, 0.1] if freckled else [0.15, 0.30, 0.33, 0.22]
        level = rng.choice([0.0, 40.0, 150.0, 400.0], p=chances) if severity is None else severity
        _acne(canvas, rng.poisson(level * area), freckled, rng)
        if rng.random() < 0.25:
            for _ in range(rng.poisson(rng.uniform(5, 60) * area)):
                canvas.add(SORTS["pit"], canvas.anywhere())
        for _ in range(rng.poisson(rng.choice([0.0, 15.0, 50.0]) * area)):
            canvas.add(SORTS["mole" if rng.random() < 0.75 else "brown tint"], canvas.anywhere())
        if freckled:
            centres = [canvas.anywhere() for _ in range(3)]
            for _ in range(rng.poisson(rng.uniform(60, 450) * area)):
                centre = centres[int(rng.integers(3))]
                at = canvas.near(centre, 0.12) if rng.random() < 0.6 else canvas.anywhere()
                canvas.add(SORTS["freckle"], at)
    return canvas.finish()


def _acne(canvas: _Canvas, count: int, freckled: bool, rng: Rng) -> None:
    """Acne in this face's own mixture, in groups. Brown spots are rare on freckled skin, where nobody tells them."""
    names = list(ACNE)
    chances = rng.dirichlet(np.array(list(ACNE.values())) * 12)
    if freckled:
        chances[[names.index("dark spot"), names.index("blackhead")]] *= 0.1
    chances = chances / chances.sum()
    centres = [canvas.anywhere() for _ in range(4)]
    for name in rng.choice(names, size=count, p=chances):
        at = canvas.near(centres[int(rng.integers(4))], 0.05) if rng.random() < 0.4 else canvas.anywhere()
        canvas.add(SORTS[str(name)], at)


def _redness(shape: tuple[int, int], width: float, rng: Rng) -> F32:
    """Faint diffuse redness; it is the tone layer's to even out, so it stands on input and target alike."""
    noise = cv2.GaussianBlur(rng.standard_normal(shape, dtype=np.float32), (0, 0), width / 25)
    noise = np.clip(noise / (noise.std() + 1e-6), 0, None) * np.float32(rng.uniform(0, 0.03))
    return np.asarray(noise[..., None] * HAEMOGLOBIN, np.float32)


def _strands(shape: tuple[int, int], width: float, rng: Rng) -> F32:
    """Hairs fallen over the skin, on input and target alike: lines are no marks. Density (H, W, 1)."""
    mask = np.zeros(shape, np.uint8)
    for _ in range(int(rng.integers(2, 14))):
        start, step = rng.uniform(0, shape, 2), rng.normal(size=2) * width
        bend = rng.normal(size=2) * width / 2
        t = np.linspace(0, 1, 48)[:, None]
        points = start + t * step + t * t * bend
        line = np.round(points[:, ::-1] * 16).astype(np.int32)
        thick = max(1, round(width * rng.uniform(0.001, 0.003)))
        cv2.polylines(mask, [line], False, (int(rng.integers(90, 256)),), thick, cv2.LINE_AA, 4)
    soft = cv2.GaussianBlur(mask.astype(np.float32) / 255, (0, 0), 0.6)
    return np.asarray(soft[..., None] * np.float32(rng.uniform(0.3, 2.0)), np.float32)


def stubble(skin: F32, width: float, rng: Rng) -> F32:
    """A shaven beard over part of the skin, on input and target alike: a field of dark points is no marks. Points and
    short hairs W/150 to W/70 apart, all much alike in one beard, over the shadow of roots. Density (H, W, 3)."""
    shape = skin.shape
    field = cv2.GaussianBlur(rng.standard_normal(shape, dtype=np.float32), (0, 0), width / 6)
    field = np.clip((field / (field.std() + 1e-6) + rng.uniform(-0.3, 1.0)) * 2, 0, 1) * skin
    apart, size, lean = width / rng.uniform(70, 150), width / rng.uniform(500, 1000), rng.uniform(0, np.pi)
    points = np.zeros(shape, np.uint8)
    for y, x in rng.uniform(0, shape, (int(np.prod(shape) / apart**2), 2)):
        if rng.random() < field[int(y), int(x)]:
            turn, length = lean + rng.normal() * 0.4, size * rng.exponential(1.5)
            ends = [(x, y), (x + length * np.cos(turn), y + length * np.sin(turn))]
            line = np.round(np.array(ends) * 16).astype(np.int32)
            cv2.polylines(points, [line], False, (int(rng.integers(110, 256)),), 1, cv2.LINE_AA, 4)
    soft = cv2.GaussianBlur(points.astype(np.float32) / 255, (0, 0), max(size, 0.5)) * np.float32(rng.uniform(0.3, 1.6))
    return (soft + field * np.float32(rng.uniform(0, 0.08)))[..., None] * NEUTRAL
