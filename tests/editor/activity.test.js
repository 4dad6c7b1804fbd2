import assert from "node:assert/strict";
import { test } from "node:test";

import { Activity } from "../../labeltool/editor/activity.js";

/** An activity with a clock that the test sets: `at(ms)` is a sign of life then. */
function clocked() {
  const clock = { now: 0 };
  const activity = new Activity(() => clock.now);
  return {
    activity,
    at: (/** @type {number} */ ms, does = /** @returns {any} */ () => activity.touch()) => {
      clock.now = ms;
      return does();
    },
  };
}

test("work is counted, pauses over 30 s are not", () => {
  const { activity, at } = clocked();
  at(1000, () => activity.about(1));
  at(4000);
  at(20_000);
  assert.equal(at(25_000, () => activity.take(1)), 24);
  at(25_000 + 31_000);
  at(25_000 + 33_000);
  assert.equal(activity.take(1), 2);
  assert.equal(activity.take(1), 0);
});

test("a pause of exactly 30 s is work, one of a millisecond more is none of it", () => {
  const { activity, at } = clocked();
  at(0, () => activity.about(1));
  at(30_000);
  at(60_001);
  assert.equal(activity.take(1), 30);
});

test("time goes to whoever is selected while it passes", () => {
  const { activity, at } = clocked();
  at(0, () => activity.about(1));
  at(5000);
  at(6000, () => activity.about(2));
  at(8000);
  assert.equal(at(9000, () => activity.take(2)), 3);
  assert.equal(activity.take(2), 0, "the same second is never counted twice");
  assert.equal(activity.take(1), 6, "what was spent on the first is still there when it is saved");
});

test("one edit of many people takes the time of each", () => {
  const { activity, at } = clocked();
  at(0, () => activity.about(1));
  at(2000, () => activity.about(2));
  at(7000, () => activity.about(3));
  at(8000);
  assert.deepEqual([1, 2, 3, 4].map((person) => activity.take(person)), [2, 5, 1, 0]);
});

test("time before anybody is selected goes to the first edit", () => {
  const { activity, at } = clocked();
  at(0, () => activity.about(null));
  at(3000);
  assert.equal(at(4000, () => activity.take(-7)), 4);
  assert.equal(activity.take(1), 0);
});

test("a new person keeps its time when it gets its number", () => {
  const { activity, at } = clocked();
  at(0, () => activity.about(-7));
  at(2000);
  activity.rename(-7, 12);
  at(3000);
  assert.equal(activity.take(12), 3);
  assert.equal(activity.take(-7), 0);
});

test("rounding loses nothing in the long run", () => {
  const { activity, at } = clocked();
  at(0, () => activity.about(1));
  let sum = 0;
  for (let n = 1; n <= 1000; n++) sum += at(n * 149, () => activity.take(1));
  assert.ok(Math.abs(sum - 149) < 0.11, `${sum} s of 149`);
});
