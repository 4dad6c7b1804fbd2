import assert from "node:assert/strict";
import { test } from "node:test";

import {
  boxToScreen, clampToPhoto, distanceToSegment, extent, fit, handlesOf, keepInSight, MAX_SCALE, pinch, resizeBox, toEdges, toImage, toScreen, zoomAt,
} from "../../labeltool/editor/geometry.js";
import { joint, random, UNLABELLED } from "./samples.js";

test("a joint is drawn at its pixel's centre, a box at pixel edges", () => {
  const view = { scale: 10, tx: 100, ty: 200 };
  assert.deepEqual(toScreen(view, 0, 0), [105, 205]);
  assert.deepEqual(toScreen(view, 1, 0), [115, 205]);
  assert.deepEqual(boxToScreen(view, [0, 0, 3, 2]), [100, 200, 30, 20]);
});

test("toImage is the inverse of toScreen", () => {
  const next = random(1);
  for (let i = 0; i < 200; i++) {
    const view = { scale: 0.05 + next() * 20, tx: next() * 500 - 250, ty: next() * 500 - 250 };
    const [x, y] = [next() * 4000, next() * 3000];
    const [bx, by] = toImage(view, ...toScreen(view, x, y));
    assert.ok(Math.abs(bx - x) < 1e-9 && Math.abs(by - y) < 1e-9);
  }
});

test("fit shows the whole rectangle, centred", () => {
  const view = fit([0, 0, 400, 200], { width: 1000, height: 1000 }, 50);
  assert.equal(view.scale, 900 / 400);
  assert.deepEqual(boxToScreen(view, [0, 0, 400, 200]), [50, 275, 900, 450]);
});

test("fit never magnifies beyond its limit, and takes rectangles without size", () => {
  assert.equal(fit([5, 5, 2, 2], { width: 1000, height: 1000 }, 0).scale, MAX_SCALE);
  assert.ok(Number.isFinite(fit([5, 5, 0, 0], { width: 0, height: 0 }, 24).scale));
});

test("zooming leaves the point under the pointer where it is, and stops at the limits", () => {
  const next = random(2);
  for (let i = 0; i < 200; i++) {
    const view = { scale: 0.2 + next() * 5, tx: next() * 100, ty: next() * 100 };
    const [sx, sy] = [next() * 800, next() * 600];
    const before = toImage(view, sx, sy);
    const zoomed = zoomAt(view, sx, sy, Math.exp(next() * 4 - 2), 0.1);
    const after = toImage(zoomed, sx, sy);
    assert.ok(Math.abs(before[0] - after[0]) < 1e-6 && Math.abs(before[1] - after[1]) < 1e-6);
    assert.ok(zoomed.scale >= 0.1 && zoomed.scale <= MAX_SCALE);
  }
});

test("the photo cannot be pushed off the canvas", () => {
  const canvas = { width: 800, height: 600 };
  const view = keepInSight({ scale: 1, tx: 5000, ty: -5000 }, { width: 400, height: 300 }, canvas, 60);
  assert.deepEqual(view, { scale: 1, tx: 740, ty: -240 });
  const still = { scale: 1, tx: 100, ty: 100 };
  assert.deepEqual(keepInSight(still, { width: 400, height: 300 }, canvas), still);
});

test("the extent of a person takes labelled joints and the box, and is null without either", () => {
  assert.deepEqual(extent({ a: joint(10, 20), b: joint(30, 40), c: UNLABELLED }, null), [10.5, 20.5, 20, 20]);
  assert.deepEqual(extent({ a: joint(10, 20) }, [15, 15, 10, 10]), [10.5, 15, 14.5, 10]);
  assert.equal(extent({ c: UNLABELLED }, null), null);
});

test("a joint is kept inside the photo", () => {
  assert.deepEqual(clampToPhoto(-3, 99, { width: 50, height: 40 }), [0, 39]);
  assert.deepEqual(clampToPhoto(12.25, 8.5, { width: 50, height: 40 }), [12.25, 8.5]);
});

test("the distance to a segment is that to its nearest point", () => {
  assert.equal(distanceToSegment(5, 3, [0, 0], [10, 0]), 3);
  assert.equal(distanceToSegment(13, 4, [0, 0], [10, 0]), 5);
  assert.equal(distanceToSegment(3, 4, [0, 0], [0, 0]), 5);
});

test("what two fingers touch stays below them, however they move", () => {
  const next = random(3);
  const view = { scale: 1.5, tx: 20, ty: -30 };
  for (let i = 0; i < 50; i++) {
    const a = /** @type {[number, number]} */ ([next() * 500, next() * 500]);
    const b = /** @type {[number, number]} */ ([a[0] + 60, a[1] + 80]);
    const turn = 0.5 + next();
    const c = /** @type {[number, number]} */ ([next() * 500, next() * 500]);
    const d = /** @type {[number, number]} */ ([c[0] + 60 * turn, c[1] + 80 * turn]);
    const after = pinch(view, a, b, c, d, 0.01);
    const [first, second] = [toImage(view, ...a), toImage(view, ...b)];
    for (const [found, wanted] of [[toScreen(after, ...first), c], [toScreen(after, ...second), d]]) {
      assert.ok(Math.hypot((found?.[0] ?? 0) - (wanted?.[0] ?? 0), (found?.[1] ?? 0) - (wanted?.[1] ?? 0)) < 1e-6);
    }
  }
});

test("fingers on one spot do not throw the photo out of sight", () => {
  const view = { scale: 1, tx: 0, ty: 0 };
  const after = pinch(view, [50, 50], [50, 50], [50, 50], [50, 50], 0.1);
  assert.deepEqual(after, view);
});

test("edges are half a pixel from centres", () => {
  const view = { scale: 4, tx: 10, ty: 20 };
  const [x, y] = toImage(view, 33, 47);
  assert.deepEqual(toEdges(view, 33, 47), [x + 0.5, y + 0.5]);
});

test("a handle moves its own sides only", () => {
  /** @type {[number, number, number, number]} */
  const box = [10, 20, 30, 40];
  assert.deepEqual(resizeBox(box, "nw", 2, 3), [12, 23, 28, 37]);
  assert.deepEqual(resizeBox(box, "se", 2, 3), [10, 20, 32, 43]);
  assert.deepEqual(resizeBox(box, "ne", 2, 3), [10, 23, 32, 37]);
  assert.deepEqual(resizeBox(box, "n", 2, 3), [10, 23, 30, 37]);
  assert.deepEqual(resizeBox(box, "e", 2, 3), [10, 20, 32, 40]);
  assert.deepEqual(resizeBox(box, "w", 2, 3), [12, 20, 28, 40]);
  assert.deepEqual(resizeBox(box, "s", 2, 3), [10, 20, 30, 43]);
  assert.deepEqual(resizeBox(box, "e", -50, 0), [10, 20, -20, 40], "across the other side");
});

test("a small box has handles at its corners alone, a large one eight", () => {
  const view = { scale: 1, tx: 0, ty: 0 };
  assert.equal(handlesOf(view, [0, 0, 30, 30]).length, 4);
  assert.equal(handlesOf({ ...view, scale: 3 }, [0, 0, 30, 30]).length, 8);
});
