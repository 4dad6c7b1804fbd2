import assert from "node:assert/strict";
import { test } from "node:test";

import { toScreen } from "../../labeltool/editor/geometry.js";
import { AWAY, cornerFor, loupeView, SIDE } from "../../labeltool/editor/loupe.js";

test("the joint is in the middle of the loupe, larger than on the stage", () => {
  for (const scale of [0.1, 1, 7, 40]) {
    const view = loupeView(scale, 1234.625, 56.25);
    const [x, y] = toScreen(view, 1234.625, 56.25);
    assert.ok(Math.abs(x - SIDE / 2) < 1e-9 && Math.abs(y - SIDE / 2) < 1e-9);
    assert.ok(view.scale >= 2 && view.scale >= scale);
  }
});

test("the loupe is never under the pointer, and stays where it is when it need not move", () => {
  const width = 1000;
  /** @type {"left" | "right"} */
  let corner = "left";
  for (const [x, y] of /** @type {const} */ ([[500, 500], [100, 100], [500, 100], [990, 20], [20, 900], [0, 0]])) {
    const before = /** @type {"left" | "right"} */ (corner);
    corner = cornerFor(corner, x, y, width);
    const left = corner === "left" ? AWAY : width - AWAY - SIDE;
    const inside = x >= left && x <= left + SIDE && y >= AWAY && y <= AWAY + SIDE;
    assert.equal(inside, false, `${x}, ${y}`);
    if (y > SIDE + 4 * AWAY) assert.equal(corner, before);
  }
});
