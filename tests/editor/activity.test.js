import assert from "node:assert/strict";
import { test } from "node:test";

import { Activity } from "../../labeltool/editor/activity.js";

test("work is counted, pauses over 30 s are not", () => {
  let now = 0;
  const activity = new Activity(() => now);
  const at = (/** @type {number} */ ms) => {
    now = ms;
    activity.touch();
  };
  at(1000);
  at(4000);
  at(20_000);
  now = 25_040;
  assert.equal(activity.take(), 24);
  at(25_040 + 31_000);
  at(25_040 + 33_000);
  now = 25_040 + 33_000;
  assert.equal(activity.take(), 2);
  assert.equal(activity.take(), 0);
});
