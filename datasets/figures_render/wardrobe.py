"""What a person wears: skin, hair, clothes, shoes, chosen at random so that they go together."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass, field, replace

import numpy as np

from figures_render.body import Pose, Proportions
from figures_render.materials import Band, Colour, Face, Material

_SKIN: tuple[Colour, ...] = (
    (0.96, 0.81, 0.71),
    (0.93, 0.75, 0.63),
    (0.88, 0.68, 0.54),
    (0.80, 0.59, 0.44),
    (0.70, 0.49, 0.35),
    (0.56, 0.37, 0.26),
    (0.43, 0.28, 0.20),
    (0.33, 0.22, 0.16),
)
_HAIR: tuple[Colour, ...] = (
    (0.08, 0.06, 0.05),
    (0.13, 0.09, 0.07),
    (0.24, 0.15, 0.09),
    (0.38, 0.25, 0.14),
    (0.62, 0.45, 0.24),
    (0.78, 0.63, 0.38),
    (0.55, 0.24, 0.10),
    (0.60, 0.59, 0.58),
)
_IRIS: tuple[Colour, ...] = ((0.25, 0.15, 0.08), (0.30, 0.42, 0.55), (0.28, 0.40, 0.25), (0.15, 0.09, 0.05))


@dataclass(frozen=True)
class Outfit:
    """A person's looks.

    Attributes:
        names: names of the materials, in the order of `materials`.
        materials: what to paint each with.
        top_loose: 0 for a top painted on the body, up to 1 for a loose one.
        top_hem: height over the hips where a loose top ends, body units.
        sleeve: where sleeves end along the arm, 0..2 (0 for none).
        bottom: "trousers", "shorts", "skirt" or "tight" (painted on).
        bottom_loose: 0..1.
        leg_end: where trousers, shorts or skirt end along the leg, 0..2.
        dress: whether skirt and top are one.
        shoe: "shoe", "boot" or "bare".
        hair: style.
        hat: "none", "cap", "beanie" or "helmet".
        fist: 0 for open hands, 1 for fists.
    """

    names: tuple[str, ...]
    materials: tuple[Material, ...]
    top_loose: float
    top_hem: float
    sleeve: float
    bottom: str
    bottom_loose: float
    leg_end: float
    dress: bool
    shoe: str
    hair: str
    hat: str
    fist: float
    _order: dict[str, int] = field(default_factory=dict)

    def index(self, name: str) -> int:
        """The position of a material by name."""
        if not self._order:
            self._order.update({n: i for i, n in enumerate(self.names)})
        return self._order[name]


def _choose(rng: np.random.Generator, *options: str) -> str:
    return options[int(rng.integers(len(options)))]


def cloth_colour(rng: np.random.Generator) -> Colour:
    """A colour that clothes have: many muted, dark or white ones, some bright."""
    kind = rng.random()
    if kind < 0.22:
        v = float(rng.uniform(0.08, 0.28))
        return (v, v, v * float(rng.uniform(0.95, 1.25)))
    if kind < 0.38:
        v = float(rng.uniform(0.78, 0.96))
        return (v, v * float(rng.uniform(0.95, 1.0)), v * float(rng.uniform(0.88, 1.0)))
    if kind < 0.55:
        hue, sat, val = rng.uniform(0.55, 0.68), rng.uniform(0.35, 0.75), rng.uniform(0.22, 0.6)
    elif kind < 0.8:
        hue, sat, val = rng.random(), rng.uniform(0.45, 0.85), rng.uniform(0.4, 0.9)
    else:
        hue, sat, val = rng.random(), rng.uniform(0.15, 0.45), rng.uniform(0.35, 0.8)
    r, g, b = colorsys.hsv_to_rgb(float(hue), float(sat), float(val))
    return (r, g, b)


def _cloth(rng: np.random.Generator, patterns: tuple[str, ...], folds: float) -> Material:
    colour, second = cloth_colour(rng), cloth_colour(rng)
    if sum(abs(a - b) for a, b in zip(colour, second, strict=True)) < 0.45:
        bright = sum(colour) > 1.5
        second = (0.1, 0.1, 0.13) if bright else (0.93, 0.93, 0.9)
    pattern = _choose(rng, *patterns)
    return Material(
        "cloth",
        colour,
        second,
        pattern,
        scale=float(rng.uniform(0.05, 0.14)),
        angle=float(np.pi / 2 + (rng.uniform(-0.5, 0.5) if pattern == "logo" else 0)),
        along=float(rng.uniform(0.15, 0.24)),
        gloss=float(rng.choice([0.0, 0.0, 0.05, 0.2])),
        folds=folds,
    )


_TOP_PATTERNS = (
    *("plain",) * 7,
    "stripes",
    "stripes",
    "checks",
    "dots",
    "logo",
    "logo",
    "number",
    "panel",
    "chest",
    "marl",
    "camouflage",
)
_BOTTOM_PATTERNS = ("plain",) * 9 + ("marl", "marl", "side_stripe", "pinstripes", "checks", "camouflage")


def _face(rng: np.random.Generator, p: Proportions, skin: Colour, hair: Colour) -> Face:
    red = 0.35 if p.female and rng.random() < 0.4 else 0.0
    lips = (min(skin[0] * 0.82 + red * 0.4, 1), skin[1] * (0.62 - red * 0.6), skin[2] * (0.62 - red * 0.5))
    beard = float(rng.uniform(0.3, 1)) if not p.female and not p.child and rng.random() < 0.3 else 0.0
    glasses = rng.random()
    return Face(
        iris=_IRIS[int(rng.integers(len(_IRIS)))],
        brow=(hair[0] * 0.7, hair[1] * 0.7, hair[2] * 0.7),
        lips=lips,
        smile=float(rng.uniform(-0.6, 2.0)),
        open_mouth=float(rng.uniform(0.012, 0.04)) if rng.random() < 0.35 else 0.0,
        beard=beard,
        glasses="clear" if glasses < 0.10 else ("dark" if glasses < 0.17 else "none"),
        brow_height=float(rng.uniform(0.06, 0.085)),
        eye_size=float(rng.uniform(0.92, 1.12)) * (1.15 if p.child else 1.0),
    )


def _hair_style(rng: np.random.Generator, p: Proportions) -> str:
    if p.female:
        return _choose(rng, "long", "long", "ponytail", "ponytail", "bun", "bob", "bob", "short", "afro")
    if p.child:
        return _choose(rng, "short", "short", "bob", "ponytail", "buzz")
    return _choose(rng, "short", "short", "short", "short", "buzz", "buzz", "bald", "afro", "bob")


_EVERYDAY_TOPS = ("tee", "tee", "tee", "long", "long", "jacket", "tank", "tight")
_SPORTS_TOPS = ("tee", "tee", "tank", "tank", "tight", "bare", "long")
_EVERYDAY_BOTTOMS = ("trousers", "trousers", "trousers", "shorts", "tight", "skirt")
_SPORTS_BOTTOMS = ("shorts", "shorts", "shorts", "tight", "briefs", "trousers")
#: Patterns that go round a sleeve as they go round the trunk.
_ALL_OVER = frozenset({"stripes", "checks", "dots", "marl", "camouflage"})
#: Height over the hips, body units, up to which a top without a collar reaches.
_NECKLINE = {"tank": 0.262, "tight": 0.292, "tee": 0.30}
#: Height of the waistband.
_WAIST = 0.062


@dataclass(frozen=True)
class _Top:
    """What covers the trunk: kind is "tee", "long", "jacket", "tank", "tight" or "bare"."""

    kind: str
    cloth: Material
    loose: float
    sleeve: float
    cropped: bool

    @property
    def neckline(self) -> float:
        return _WAIST if self.kind == "bare" else _NECKLINE.get(self.kind, 0.31)


def dress(rng: np.random.Generator, p: Proportions, pose: Pose, *, sports: bool) -> Outfit:
    """Random looks that suit the person, the pose and the occasion."""
    tone = np.array(_SKIN[int(rng.integers(len(_SKIN)))]) * rng.uniform(0.94, 1.04)
    skin: Colour = (float(min(tone[0], 1)), float(min(tone[1], 1)), float(min(tone[2], 1)))
    hair = _HAIR[int(rng.integers(2 if sum(skin) < 1.6 else len(_HAIR)))]
    low = _choose(rng, *(_SPORTS_BOTTOMS if sports else _EVERYDAY_BOTTOMS))
    if low == "skirt" and not (pose.close and p.female):
        low = "trousers"
    one_piece = low == "skirt" and rng.random() < 0.45
    top = _top(rng, p, sports=sports, one_piece=one_piece)
    bottom = top.cloth if one_piece else _cloth(rng, _BOTTOM_PATTERNS, 0.45)
    leg_end, leg_bands = _legs(rng, low, bottom.colour, skin)
    shoe = _choose(rng, "shoe", "shoe", "shoe", "shoe", "shoe" if sports else "boot", "bare" if sports else "shoe")
    if shoe == "bare":
        leg_bands = leg_bands[:-1]
    style, hat = _hair_style(rng, p), "none"
    if rng.random() < 0.13:
        hat = _choose(rng, "cap", "cap", "beanie", "helmet" if sports else "cap")
        style = style if style in ("short", "buzz", "long", "ponytail") else "short"
    table = {
        **_trunk_materials(rng, p, top, bottom, skin),
        **_limb_materials(rng, leg_bands, skin),
        **_head_materials(rng, p, skin, hair, hat),
        "bottom": bottom,
        "leg_cloth": replace(bottom, stretch=p.thigh),
    }
    tucked = one_piece or rng.random() < 0.25
    return Outfit(
        names=tuple(table),
        materials=tuple(table.values()),
        top_loose=top.loose,
        top_hem=0.06 if tucked else float(rng.uniform(-0.035, 0.03)),
        sleeve=top.sleeve,
        bottom=low if low in ("trousers", "shorts", "skirt") else "tight",
        bottom_loose=float(rng.uniform(0.1, 1.0)),
        leg_end=leg_end,
        dress=one_piece,
        shoe=shoe,
        hair=style,
        hat=hat,
        fist=pose.fist,
    )


def _top(rng: np.random.Generator, p: Proportions, *, sports: bool, one_piece: bool) -> _Top:
    kind = _choose(rng, *(_SPORTS_TOPS if sports else _EVERYDAY_TOPS))
    if one_piece:
        kind = _choose(rng, "tank", "tight", "tee")
    if kind == "bare" and (p.female or p.child):
        kind = "tank"
    loose = {"tee": 0.45, "long": 0.4, "jacket": 1.0}.get(kind, 0.0) * float(rng.uniform(0.5, 1.2))
    sleeve = {"tee": float(rng.uniform(0.45, 0.85)), "long": 1.93, "jacket": 1.95}.get(kind, 0.0)
    cropped = kind == "tight" and p.female and sports and not one_piece and rng.random() < 0.6
    return _Top(kind, _cloth(rng, _TOP_PATTERNS, 0.5), loose, sleeve, bool(cropped))


def _trunk_materials(
    rng: np.random.Generator, p: Proportions, top: _Top, bottom: Material, skin: Colour
) -> dict[str, Material]:
    """What is painted on the trunk, the shoulders and the arms."""
    bare = top.kind == "bare"
    bands: list[Band] = [(-1.0, _WAIST, bottom.colour)]
    if top.cropped:
        bands.append((_WAIST, 0.14, skin))
    bands.append((top.neckline, 1.0, skin))
    sleeve_end = {"tight": float(rng.choice([0.0, 0.5, 1.9])), "long": 1.9, "jacket": 1.9}.get(top.kind, 0.0)
    cloth = top.cloth
    trunk = replace(
        cloth, gloss=0.06, folds=0.12, bands=tuple(bands), strap=top.neckline if top.kind == "tank" else 0.0
    )
    if bare:
        trunk = Material("skin", skin, gloss=0.08, folds=0.12, bands=tuple(bands))
    sleeve = replace(cloth, pattern=cloth.pattern if cloth.pattern in _ALL_OVER else "plain", stretch=p.upper_arm)
    if cloth.pattern == "panel":
        sleeve = replace(sleeve, colour=cloth.second)
    return {
        "trunk": trunk,
        "yoke": Material("skin", skin, gloss=0.08) if bare or top.kind == "tank" else replace(cloth, pattern="plain"),
        "arm": Material("skin", skin, gloss=0.10, bands=((-1.0, sleeve_end, cloth.colour),) if sleeve_end > 0 else ()),
        "top": cloth,
        "sleeve": sleeve,
    }


def _limb_materials(rng: np.random.Generator, leg_bands: tuple[Band, ...], skin: Colour) -> dict[str, Material]:
    """Skin, legs and shoes."""
    colour = cloth_colour(rng)
    sole: Colour = (0.92, 0.92, 0.9) if rng.random() < 0.7 else (0.12, 0.1, 0.1)
    return {
        "skin": Material("skin", skin, gloss=0.10),
        "leg": Material("skin", skin, gloss=0.10, bands=leg_bands),
        "shoe": Material("shoe", colour, sole, _choose(rng, "plain", "plain", "stripes"), gloss=0.25),
        "boot": Material("cloth", colour, gloss=0.2),
    }


def _head_materials(
    rng: np.random.Generator, p: Proportions, skin: Colour, hair: Colour, hat: str
) -> dict[str, Material]:
    """Face, nose and ears, hair, hat."""
    hard = hat == "helmet"
    return {
        "face": Material("face", skin, gloss=0.10, face=_face(rng, p, skin, hair)),
        "nose": Material("object", (skin[0] * 0.98, skin[1] * 0.94, skin[2] * 0.93), gloss=0.12),
        "hair": Material("hair", hair, gloss=0.35),
        "hat": Material("cloth", cloth_colour(rng), gloss=0.6 if hard else 0.05, folds=0.0 if hard else 0.2),
    }


def _legs(rng: np.random.Generator, low: str, colour: Colour, skin: Colour) -> tuple[float, tuple[Band, ...]]:
    """Where the cloth over the legs ends, and what is painted on the legs themselves, socks last."""
    sock_colour: Colour = (0.94, 0.94, 0.93) if rng.random() < 0.6 else cloth_colour(rng)
    sock: Band = (float(rng.choice([1.15, 1.6, 1.8, 1.88])), 9.0, sock_colour)
    if low == "trousers":
        return 1.92, (sock,)
    if low == "shorts":
        return float(rng.uniform(0.38, 0.95)), (sock,)
    if low == "skirt":
        return float(rng.uniform(0.55, 1.45)), (sock,) if rng.random() < 0.3 else ((1.9, 9.0, skin),)
    if low == "briefs":
        return 0.0, ((-1.0, 0.06, colour), sock)
    end = float(rng.choice([0.5, 0.95, 1.4, 1.94]))
    return 0.0, ((-1.0, end, colour), (max(sock[0], end), 9.0, sock_colour))
