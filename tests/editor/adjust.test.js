import assert from "node:assert/strict";
import { test } from "node:test";

import { filterOf, keepLook, percentAt, PLAIN, readLook, stepOf } from "../../labeltool/editor/adjust.js";

/** @param {Record<string, string>} [start] */
function storage(start = {}) {
  const kept = new Map(Object.entries(start));
  return { getItem: (/** @type {string} */ name) => kept.get(name) ?? null, setItem: (/** @type {string} */ name, /** @type {string} */ value) => void kept.set(name, value) };
}

test("a look is remembered", () => {
  const disk = storage();
  assert.deepEqual(readLook(disk), PLAIN);
  const look = { brightness: 140, contrast: 85, boxes: false };
  keepLook(disk, look);
  assert.deepEqual(readLook(disk), look);
});

test("what cannot be read is as at first", () => {
  assert.deepEqual(readLook(storage({ "labeltool.brightness": "bright", "labeltool.contrast": "9000", "labeltool.boxes": "" })), PLAIN);
  assert.deepEqual(readLook(null), PLAIN);
  const closed = { getItem: () => { throw new Error("closed off"); }, setItem: () => { throw new Error("full"); } };
  assert.deepEqual(readLook(closed), PLAIN);
  keepLook(closed, PLAIN);
});

test("a photo shown as it is has no filter at all", () => {
  assert.equal(filterOf(PLAIN), "none");
  assert.equal(filterOf({ ...PLAIN, brightness: 150 }), "brightness(1.5) contrast(1)");
});

test("the slider has 100 % in its middle, and equal ways to a quarter and to four times", () => {
  assert.deepEqual([-20, -10, 0, 10, 20].map(percentAt), [25, 50, 100, 200, 400]);
  for (let step = -20; step <= 20; step++) assert.equal(stepOf(percentAt(step)), step);
});
