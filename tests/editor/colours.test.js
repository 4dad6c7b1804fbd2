import assert from "node:assert/strict";
import { test } from "node:test";

import { bandOf, SIDE_COLOURS, THEIRS } from "../../labeltool/editor/colours.js";
import { UNSURE_BELOW } from "../../labeltool/editor/unsure.js";
import { joint } from "./samples.js";

/**
 * Colour vision without one of the three cones, on linear RGB: Machado, Oliveira & Fernandes 2009, severity 1.0.
 * @type {Readonly<Record<string, readonly (readonly number[])[]>>}
 */
const VISION = {
  normal: [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
  protanopia: [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
  deuteranopia: [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
  tritanopia: [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
};

/** @param {string} hex @returns {number[]} linear RGB */
function linear(hex) {
  return [1, 3, 5].map((i) => {
    const c = Number.parseInt(hex.slice(i, i + 2), 16) / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  });
}

/** @param {readonly (readonly number[])[]} m @param {readonly number[]} v */
const times = (m, v) => m.map((row) => row.reduce((sum, a, i) => sum + a * (v[i] ?? 0), 0));

/** CIELAB (D65) of linear RGB. @param {readonly number[]} rgb */
function lab(rgb) {
  const xyz = times([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.072175], [0.0193339, 0.119192, 0.9503041]], rgb.map((c) => Math.min(Math.max(c, 0), 1)));
  const white = [0.95047, 1, 1.08883];
  const [x = 0, y = 0, z = 0] = xyz.map((c, i) => {
    const t = c / (white[i] ?? 1);
    return t > 0.008856 ? Math.cbrt(t) : 7.787 * t + 16 / 116;
  });
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

/** The distance of two colours as an eye sees them: CIE 1976 Delta E. @param {string} a @param {string} b @param {string} eye */
function distance(a, b, eye) {
  const [p, q] = [a, b].map((hex) => lab(times(VISION[eye] ?? [], linear(hex))));
  return Math.hypot(...(p ?? []).map((c, i) => c - (q?.[i] ?? 0)));
}

/** WCAG 2.2 contrast. @param {string} a @param {string} b */
function contrast(a, b) {
  const [y = 0, z = 0] = [a, b].map((hex) => times([[0.2126, 0.7152, 0.0722]], linear(hex))[0] ?? 0);
  return (Math.max(y, z) + 0.05) / (Math.min(y, z) + 0.05);
}

test("the simulation itself: red and green come together for protanopia and deuteranopia, blue and green for tritanopia", () => {
  for (const eye of ["protanopia", "deuteranopia"]) assert.ok(distance("#b0a000", "#7cb000", eye) < distance("#b0a000", "#7cb000", "normal") / 1.5, eye);
  assert.ok(distance("#00a0a0", "#00a0d0", "tritanopia") < distance("#00a0a0", "#00a0d0", "normal") / 1.5);
});

test("left, right and middle stay apart for every kind of colour vision", () => {
  const { left, right, middle } = SIDE_COLOURS;
  for (const eye of Object.keys(VISION)) {
    assert.ok(distance(left, right, eye) > 40, `left and right, ${eye}: ${distance(left, right, eye)}`);
    assert.ok(distance(left, middle, eye) > 20, `left and middle, ${eye}: ${distance(left, middle, eye)}`);
    assert.ok(distance(right, middle, eye) > 20, `right and middle, ${eye}: ${distance(right, middle, eye)}`);
    for (const side of [left, right, middle]) assert.ok(distance(side, THEIRS, eye) > 10, `${side} and somebody else's, ${eye}: ${distance(side, THEIRS, eye)}`);
  }
});

test("every joint stands out from the dark line around it, and from the stage", () => {
  for (const colour of Object.values(SIDE_COLOURS)) {
    for (const ground of ["#080a0e", "#1c1e22"]) assert.ok(contrast(colour, ground) >= 7, `${colour} on ${ground}: ${contrast(colour, ground)}`);
  }
});

test("the band of a joint follows from its source and confidence", () => {
  const predicted = (/** @type {number | null} */ confidence) => bandOf(joint(1, 1, { source: "predicted", confidence }));
  assert.equal(bandOf(joint(1, 1, { source: "moved", confidence: 0.01 })), "label");
  assert.equal(predicted(UNSURE_BELOW), "sure");
  assert.equal(predicted(UNSURE_BELOW - 0.01), "unsure");
  assert.equal(predicted(UNSURE_BELOW / 2 - 0.01), "doubtful");
  assert.equal(predicted(0), "doubtful");
  assert.equal(predicted(null), "unsure");
});
