import assert from "node:assert/strict";
import { test } from "node:test";

import { patched } from "../../labeltool/editor/edits.js";
import { isUnsure, nextAfter, Seen, UNSURE_BELOW, unsureJoints } from "../../labeltool/editor/unsure.js";
import { doc, joint, person, SKELETON } from "./samples.js";

const guess = (/** @type {number | null} */ confidence, x = 5) => joint(x, 5, { source: "predicted", confidence });

test("unsure is a prediction below the one threshold, or without a confidence; a label never is", () => {
  assert.equal(UNSURE_BELOW, 0.5);
  assert.equal(isUnsure(guess(0.49)), true);
  assert.equal(isUnsure(guess(0.5)), false);
  assert.equal(isUnsure(guess(null)), true);
  assert.equal(isUnsure(joint(5, 5, { source: "accepted", confidence: 0.1 })), false);
  assert.equal(isUnsure({ ...guess(0.1), v: 0 }), false);
});

const HERE = doc([
  person(3, { joints: { right_foot: guess(0.1), head: guess(0.2, 7), left_hand: guess(0.9) } }),
  person(1, { joints: { head: guess(0.3) } }),
  person(2, { crowd: true, joints: { head: guess(0.1) } }),
  person(4, { deleted: true, joints: { head: guess(0.1) } }),
]);

test("unsure joints come person by person, in the skeleton's order, without those of locked people", () => {
  assert.deepEqual(unsureJoints(HERE, SKELETON), [{ person: 3, joint: "head" }, { person: 3, joint: "right_foot" }, { person: 1, joint: "head" }]);
});

test("the next one comes after the selected joint and goes round", () => {
  const refs = unsureJoints(HERE, SKELETON);
  const next = (/** @type {number | null} */ p, /** @type {string | null} */ j) => nextAfter(refs, HERE, SKELETON, { person: p, joint: j });
  assert.deepEqual(next(null, null), refs[0]);
  assert.deepEqual(next(3, null), refs[0]);
  assert.deepEqual(next(3, "head"), refs[1]);
  assert.deepEqual(next(3, "left_hand"), refs[1]);
  assert.deepEqual(next(3, "right_foot"), refs[2]);
  assert.deepEqual(next(1, "head"), refs[0]);
  assert.equal(nextAfter([], HERE, SKELETON, { person: 3, joint: "head" }), null);
});

test("a joint was looked at as long as it stays where it is", () => {
  const seen = new Seen();
  const ref = { person: 3, joint: "head" };
  assert.equal(seen.has(HERE, ref), false);
  seen.note(HERE, 3, "head");
  assert.equal(seen.has(HERE, ref), true);
  assert.equal(seen.has(HERE, { person: 3, joint: "right_foot" }), false);
  const moved = doc([person(3, { joints: { head: guess(0.2, 8) } })]);
  assert.equal(seen.has(moved, ref), false);
  const named = doc([person(33, { joints: { head: guess(0.2, 7) } })]);
  assert.equal(seen.has(named, { person: 33, joint: "head" }), true, "the server gave a new person its id");
});

test("where an audit chose a threshold, a joint is unsure below that one; an edit keeps it", () => {
  const guess = { x: 5, y: 6, v: /** @type {const} */ (2), source: /** @type {const} */ ("predicted"), confidence: 0.4 };
  assert.equal(isUnsure(guess), true);
  assert.equal(isUnsure({ ...guess, below: 0.3 }), false);
  assert.equal(isUnsure({ ...guess, confidence: 0.99, below: 1.01 }), true, "always to be looked at");
  const one = person(1, { joints: { head: { ...guess, below: 0.3 } } });
  const moved = patched(one, { joints: { head: { x: 7, y: 6, v: 2, source: "predicted" } } });
  assert.deepEqual(moved.joints.head, { ...guess, x: 7, below: 0.3 });
});
