"""The surface of a person: trunk, limbs, hands and feet as lofted tubes over the bones, and the clothes over them."""

from __future__ import annotations

import numpy as np

from figures_render.body import Bones, Proportions
from figures_render.geometry import Floats, rot_x, unit
from figures_render.head import add_head
from figures_render.mesh import Mesh, Surface, tube
from figures_render.parts import Part
from figures_render.profiles import (
    ARM,
    ARM_S,
    FEMALE_BACK,
    FEMALE_FRONT,
    FEMALE_WIDTH,
    LEG,
    LEG_S,
    TRUNK_MALE,
    limb_rings,
)
from figures_render.wardrobe import Outfit


class FigureBuilder:
    """Builds the mesh of one person: call `build` once."""

    def __init__(self, bones: Bones, p: Proportions, outfit: Outfit, rng: np.random.Generator, detail: float) -> None:
        self.bones = bones
        self.p = p
        self.outfit = outfit
        self.rng = rng
        self.fine = detail > 1.2
        self.unit = p.unit
        self.mesh = Mesh()
        self.owner = 0
        self.slim = 0.93 if p.female else 1.0
        self.limb_build = p.build * self.slim * (0.92 if p.child else 1.0)

    def build(self, owner: int, first_material: int) -> Mesh:
        """The whole person; materials are numbered from `first_material` in the order of the outfit's list."""
        self.owner = owner
        self.first = first_material
        self._trunk()
        self._neck()
        for side in ("left", "right"):
            self._yoke(side)
            self._arm(side)
            self._hand(side)
            self._leg(side)
            self._foot(side)
        self._skirt()
        add_head(self._add, self.bones, self.p, self.outfit, self.rng)
        return self.mesh

    def _add(self, surface: Surface, material: str, part: Part) -> None:
        self.mesh.add(surface, self.first + self.outfit.index(material), int(part), self.owner)

    def _trunk_profile(self) -> tuple[Floats, Floats, Floats]:
        p = self.p
        width, front, back = TRUNK_MALE.width.copy(), TRUNK_MALE.front.copy(), TRUNK_MALE.back.copy()
        if p.female:
            width, front, back = width * FEMALE_WIDTH, front * FEMALE_FRONT, back * FEMALE_BACK
        girth = 1 + (p.build - 1) * 0.8
        width[:14] *= girth
        width[14:] *= 1 + (girth - 1) * 0.5
        width[12:] *= (p.shoulder / 0.108) ** 0.8
        width[:6] *= (p.hip / 0.064) ** 0.6
        belly = np.exp(-(((TRUNK_MALE.s - 0.075) / 0.055) ** 2))
        front *= girth * (1 + (p.belly - 1) * belly)
        width *= 1 + 0.25 * (p.belly - 1) * belly
        back *= girth
        if p.child:
            front *= 1 + 0.12 * belly
        return width, front, back

    def _trunk_tube(
        self, low: float, high: float, grow: float, gap: float, *, folds: float, part_open: bool
    ) -> Surface:
        """The trunk between two heights (body units), its girth times `grow` plus `gap` metres."""
        b = self.bones
        keep = (TRUNK_MALE.s >= low) & (TRUNK_MALE.s <= high)
        width, front, back = (a[keep] * self.unit * grow + gap for a in self._trunk_profile())
        frames = b.spine_frames[keep]
        bulge = self._folds(int(keep.sum()), 24, folds) if folds > 0 else None
        return tube(
            b.spine_points[keep],
            frames[:, :, 0],
            frames[:, :, 2],
            width,
            front,
            back,
            TRUNK_MALE.s[keep],
            segments=24,
            squareness=2.35,
            bulge=bulge,
            cap_start=not part_open,
            cap_end=not part_open,
            dome=0.25,
            two_sided=part_open,
        )

    def _folds(self, rings: int, segments: int, strength: float) -> Floats:
        noise = self.rng.normal(0, 1, (rings, segments))
        noise = (noise + np.roll(noise, 1, 1) + np.roll(noise, -1, 1)) / 3
        noise = np.concatenate([noise, noise[:, :1]], axis=1)
        return 1 + strength * noise

    def _trunk(self) -> None:
        o = self.outfit
        self._add(self._trunk_tube(-1, 1, 1, 0, folds=0, part_open=False), "trunk", Part.TRUNK)
        if o.bottom in ("trousers", "shorts"):
            self._add(self._trunk_tube(-1, 0.07, 1.03, 0.006, folds=0.008, part_open=True), "bottom", Part.TRUNK)
        if o.top_loose > 0:
            gap = 0.008 + 0.02 * o.top_loose
            surface = self._trunk_tube(o.top_hem, 0.30, 1.02, gap, folds=0.012, part_open=True)
            self._add(surface, "top", Part.TRUNK)

    def _neck(self) -> None:
        base = self.bones.spine_points[-3]
        frame, head = self.bones.frames["neck"], self.bones.frames["head"]
        end = self.bones.head_pivot + head @ np.array([0, 0.02, 0.0]) * self.p.head
        t = np.array([-0.15, 0.15, 0.4, 0.7, 1.0])[:, None]
        radius = np.array([0.040, 0.0345, 0.0325, 0.032, 0.033]) * self.unit * (0.5 + 0.5 * self.p.build) * self.slim
        surface = tube(
            base + (end - base) * t,
            frame[:, 0],
            frame[:, 2],
            radius,
            radius,
            radius * 1.05,
            0.3 + 0.05 * t[:, 0],
            segments=14,
        )
        self._add(surface, "skin", Part.NECK)

    def _limb(
        self,
        side: str,
        kind: str,
        low: float,
        high: float,
        grow: tuple[float, float],
        gap: float,
        folds: float = 0.0,
    ) -> Surface:
        """An arm or leg (or the cloth over it) between positions low and high of 0..2; girth grows from grow[0] to grow[1]."""
        b, u = self.bones, self.unit
        arm = kind == "arm"
        names = ("shoulder", "elbow", "wrist") if arm else ("hip", "knee", "ankle")
        rotations = ("upper_arm", "forearm") if arm else ("thigh", "shank")
        first, second, third = (b.joints[f"{side}_{name}"] for name in names)
        upper, lower = (b.frames[f"{side}_{name}"] for name in rotations)
        template = ARM_S if arm else LEG_S
        s = np.unique(np.concatenate([[low, high], template[(template > low + 0.02) & (template < high - 0.02)]]))
        centres, ex, ez = limb_rings(first, second, third, upper, lower, s)
        if not arm:
            # The thigh's flesh lies inward of the line from hip joint to knee.
            inward = unit(b.joints["pelvis"] - first)
            centres = centres + inward * (0.011 * u * np.clip(1 - s / 0.7, 0, 1))[:, None]
        width, front, back = (ARM if arm else LEG).at(s)
        share = np.clip((s - low) / max(high - low, 1e-6), 0, 1)
        factor = self.limb_build * (grow[0] + (grow[1] - grow[0]) * share) * u
        segments = 16 if self.fine else 12
        cloth = gap > 0
        surface = tube(
            centres,
            ex,
            ez,
            width * factor + gap,
            front * factor + gap,
            back * factor + gap,
            s,
            segments=segments,
            bulge=self._folds(len(s), segments, folds) if folds > 0 else None,
            cap_start=low <= 0,
            cap_end=not cloth,
            two_sided=cloth,
        )
        return surface

    def _yoke(self, side: str) -> None:
        """The slope from the neck to the shoulder."""
        b, u, o = self.bones, self.unit, self.outfit
        chest = b.frames["chest"]
        start = b.spine_points[-3] + chest @ np.array([0.012 if side == "left" else -0.012, -0.012, -0.004]) * u
        end = b.joints[f"{side}_shoulder"]
        t = np.array([0.0, 0.35, 0.7, 1.0])[:, None]
        build = 0.5 + 0.5 * self.limb_build
        gap = 0.007 + 0.012 * o.top_loose if o.top_loose > 0 else 0.0
        radius = np.array([0.026, 0.0245, 0.0245, 0.0245]) * u * build + gap
        along = unit(end - start)
        ez = unit(chest[:, 2] - along * np.dot(chest[:, 2], along))
        surface = tube(
            start + (end - start) * t, np.cross(along, ez), ez, radius, radius * 1.15, radius * 1.2, 0.28 + 0 * t[:, 0]
        )
        self._add(surface, "yoke", Part.TRUNK)

    def _arm(self, side: str) -> None:
        o = self.outfit
        part = Part.LEFT_ARM if side == "left" else Part.RIGHT_ARM
        covered = o.sleeve > 0 and o.top_loose > 0
        self._add(self._limb(side, "arm", max(o.sleeve - 0.12, 0.0) if covered else 0.0, 2.0, (1, 1), 0), "arm", part)
        if covered:
            flare = 1.08 + 0.22 * o.top_loose
            cloth = self._limb(side, "arm", 0.0, o.sleeve, (1.02, flare), 0.006 + 0.006 * o.top_loose, 0.02)
            self._add(cloth, "sleeve", part)

    def _leg(self, side: str) -> None:
        o = self.outfit
        part = Part.LEFT_LEG if side == "left" else Part.RIGHT_LEG
        covered = o.bottom in ("trousers", "shorts")
        self._add(self._limb(side, "leg", max(o.leg_end - 0.15, 0.0) if covered else 0.0, 2.0, (1, 1), 0), "leg", part)
        if covered:
            flare = 1.04 + (0.35 if o.bottom == "trousers" else 0.3) * o.bottom_loose
            cloth = self._limb(side, "leg", 0.0, o.leg_end, (1.03, flare), 0.006 + 0.008 * o.bottom_loose, 0.02)
            self._add(cloth, "leg_cloth", part)

    def _hand(self, side: str) -> None:
        b, p, u = self.bones, self.p, self.unit
        part = Part.LEFT_HAND if side == "left" else Part.RIGHT_HAND
        frame = b.frames[f"{side}_hand"]
        out = 1.0 if side == "left" else -1.0
        wrist = b.joints[f"{side}_wrist"]
        fist = self.outfit.fist
        k = p.hand / 0.105 * u * (0.92 if p.female else 1.0)

        def at(x: float, y: float, z: float) -> Floats:
            return np.asarray(wrist + frame @ np.array([out * x, y, z]) * k)

        palm = np.stack(
            [
                at(0, 0.004, 0),
                at(0.001, -0.012, 0),
                at(0.001, -0.032, 0.001),
                at(0, -0.052, 0.003),
                at(0, -0.058, 0.004),
            ]
        )
        width = np.array([0.0150, 0.0190, 0.0235, 0.0240, 0.0215]) * k
        depth = np.array([0.0120, 0.0115, 0.0110, 0.0095, 0.0070]) * k
        shape = tube(
            palm, frame[:, 0], frame[:, 2], width, depth, depth, np.linspace(2, 2.5, 5), segments=10, squareness=2.6
        )
        self._add(shape, "skin", part)
        curl = 8 + 75 * fist
        if self.fine:
            fingers = [(0.0175, 0.043), (0.006, 0.049), (-0.006, 0.046), (-0.0175, 0.036)]
            girth = 0.0062
        else:
            fingers, girth = [(0.011, 0.046), (-0.011, 0.042)], 0.0105
        for x, length in fingers:
            points, bend = [np.array([out * x, -0.052, 0.002])], 0.0
            for share in (0.45, 0.32, 0.23):
                bend += curl * (0.75 if share > 0.4 else 0.95)
                points.append(points[-1] + rot_x(-bend) @ np.array([out * x * 0.25, -1, 0]) * length * share)
            centres = wrist + np.stack(points) @ frame.T * k
            frames_z = np.stack([frame @ rot_x(-curl * i * 0.8)[:, 2] for i in range(4)])
            r = np.array([1.0, 0.95, 0.88, 0.7]) * girth * k
            self._add(
                tube(centres, frame[:, 0], frames_z, r, r * 0.9, r * 0.9, [2.5, 2.6, 2.7, 2.8], segments=6),
                "skin",
                part,
            )
        thumb = np.stack(
            [
                at(0.012, -0.012, 0.002),
                at(0.024, -0.026, 0.007),
                at(0.029, -0.041, 0.011 + 0.006 * fist),
                at(0.027 - 0.012 * fist, -0.053, 0.013 + 0.012 * fist),
            ]
        )
        r = np.array([0.0095, 0.0085, 0.0072, 0.0055]) * k
        self._add(tube(thumb, frame[:, 0], frame[:, 2], r, r, r, [2.1, 2.2, 2.3, 2.4], segments=6), "skin", part)

    def _foot(self, side: str) -> None:
        b, u = self.bones, self.unit
        part = Part.LEFT_FOOT if side == "left" else Part.RIGHT_FOOT
        frame = b.frames[f"{side}_foot"]
        ankle = b.joints[f"{side}_ankle"]
        bare = self.outfit.shoe == "bare"
        z = np.array([-0.042, -0.037, -0.018, 0.006, 0.036, 0.068, 0.093, 0.107])
        width = np.array([0.013, 0.0205, 0.0235, 0.0235, 0.0255, 0.0275, 0.0235, 0.012]) * (0.88 if bare else 1.0)
        top = np.array([0.014, 0.029, 0.037, 0.034, 0.0235, 0.0150, 0.0115, 0.005]) * (0.9 if bare else 1.0)
        low = np.full(8, 0.0125)
        toe_in = np.array([0, 0, 0, 0, 0.001, 0.002, 0.001, -0.001]) * (1 if side == "left" else -1)
        scale = u * (0.95 if self.p.female else 1.0)
        centres = ankle + np.stack([toe_in, np.full(8, -0.028), z], axis=1) @ frame.T * scale
        surface = tube(
            centres, frame[:, 0], frame[:, 1], width * scale, top * scale, low * scale, z, segments=14, squareness=2.5
        )
        self._add(surface, "skin" if bare else "shoe", part)
        if self.outfit.shoe == "boot":
            self._add(self._limb(side, "leg", 1.72, 1.99, (1.15, 1.2), 0.004), "boot", part)

    def _skirt(self) -> None:
        o = self.outfit
        if o.bottom != "skirt":
            return
        b, u = self.bones, self.unit
        pelvis = b.frames["pelvis"]
        top = 0.09 if o.dress else 0.068
        keep = (TRUNK_MALE.s >= -0.001) & (TRUNK_MALE.s <= top)
        width, front, back = (a[keep][::-1] * u * 1.03 + 0.008 for a in self._trunk_profile())
        rows_c = list(b.spine_points[keep][::-1])
        rows_w, rows_f = list(width), [np.array([f, k]) for f, k in zip(front, back, strict=True)]
        s_values = list(TRUNK_MALE.s[keep][::-1])
        thighs = {side: b.joints[f"{side}_knee"] - b.joints[f"{side}_hip"] for side in ("left", "right")}
        for s in np.linspace(0.12, o.leg_end, 6):
            radius = float(LEG.at(np.array([min(s, 1.0)]))[1][0]) * u * self.limb_build
            points = []
            for side in ("left", "right"):
                hip, knee, ankle = (b.joints[f"{side}_{n}"] for n in ("hip", "knee", "ankle"))
                points.append(hip + thighs[side] * s if s <= 1 else knee + (ankle - knee) * (s - 1))
            local = (np.stack(points) - b.joints["pelvis"]) @ pelvis
            centre = local.mean(axis=0)
            half = np.abs(local[0] - local[1]) / 2
            flare = 0.010 + o.bottom_loose * 0.07 * s
            rows_c.append(b.joints["pelvis"] + pelvis @ centre)
            # Legs apart in both directions stand in the corners of the cloth.
            spread = 1 + 0.3 * min(half[0], half[2]) / max(half[0], half[2], 1e-6)
            rows_w.append(half[0] * spread + radius * 1.05 + flare)
            rows_f.append(np.array([half[2] * spread + radius * 1.1 + flare * 0.8] * 2))
            s_values.append(-0.25 * s)
        depth = np.stack(rows_f)
        n = len(rows_c)
        pleat = (
            1 + 0.03 * o.bottom_loose * np.sin(np.linspace(0, 2 * np.pi, 33) * 12)[None] * np.linspace(0, 1, n)[:, None]
        )
        surface = tube(
            np.stack(rows_c), pelvis[:, 0], pelvis[:, 2], np.array(rows_w), depth[:, 0], depth[:, 1], np.array(s_values),
            segments=32, squareness=2.6, bulge=pleat * self._folds(n, 32, 0.015), cap_start=False, cap_end=False, two_sided=True,
        )  # fmt: skip
        self._add(surface, "bottom", Part.SKIRT)
