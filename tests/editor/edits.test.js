import assert from "node:assert/strict";
import { test } from "node:test";

import {
  acceptPeople, applyEdit, difference, inverse, jointOf, moveJoint, nudgeJoint, personOf, placeJoint, setFlag, sourceAfter, submitImage, swapSides,
} from "../../labeltool/editor/edits.js";
import { setDeleted } from "../../labeltool/editor/people.js";
import { doc, joint, person, SKELETON, UNLABELLED } from "./samples.js";

/** @import {Edit, ImageDoc} from "../../labeltool/editor/types.js" */

/** @param {ImageDoc} from @param {Edit | null} edit */
function after(from, edit) {
  assert.ok(edit);
  const to = applyEdit(from, edit);
  assert.deepEqual(applyEdit(to, inverse(edit)), from, "the inverse takes the edit back");
  return to;
}

test("moving a joint changes that joint alone, keeps its flag and says so", () => {
  const start = doc([person(1), person(2)]);
  const edit = moveJoint(start, 1, "left_hand", 41.5, 29.75);
  const end = after(start, edit);
  assert.deepEqual(edit?.changes[0]?.after, { joints: { left_hand: { x: 41.5, y: 29.75, v: 1, source: "moved" } } });
  assert.equal(end.people[1], start.people[1]);
  assert.equal(jointOf(personOf(end, 1), "head"), jointOf(personOf(start, 1), "head"));
});

test("a move to where the joint is, of an unlabelled joint, or of a locked person is no edit", () => {
  const start = doc([person(1), person(2, { crowd: true }), person(3, { deleted: true })]);
  assert.equal(moveJoint(start, 1, "head", 30.25, 15.5), null);
  assert.equal(moveJoint(start, 1, "right_foot", 5, 5), null);
  assert.equal(moveJoint(start, 2, "head", 5, 5), null);
  assert.equal(moveJoint(start, 3, "head", 5, 5), null);
});

test("joints stay inside the photo and keep a thousandth of a pixel; whole numbers stay whole", () => {
  const start = doc([person(1)]);
  assert.deepEqual(moveJoint(start, 1, "head", -4, 500)?.changes[0]?.after.joints?.head, { x: 0, y: 79, v: 2, source: "moved" });
  assert.deepEqual(moveJoint(start, 1, "head", 1 / 3, 7)?.changes[0]?.after.joints?.head, { x: 0.333, y: 7, v: 2, source: "moved" });
  assert.deepEqual(nudgeJoint(start, 1, "left_hand", 1, 0)?.changes[0]?.after.joints?.left_hand, { x: 41, y: 30, v: 1, source: "moved" });
  assert.deepEqual(nudgeJoint(start, 1, "head", 0, -10)?.changes[0]?.after.joints?.head, { x: 30.25, y: 5.5, v: 2, source: "moved" });
});

test("flags: 0 takes the place away, 1 and 2 keep it, an unlabelled joint has none to keep", () => {
  const start = doc([person(1)]);
  assert.deepEqual(after(start, setFlag(start, 1, "head", 0)).people[0]?.joints.head, { ...UNLABELLED, source: "removed" });
  assert.deepEqual(after(start, setFlag(start, 1, "head", 1)).people[0]?.joints.head, joint(30.25, 15.5, { v: 1, source: "moved" }));
  assert.equal(setFlag(start, 1, "head", 2), null);
  assert.equal(setFlag(start, 1, "right_foot", 2), null);
});

test("placing an unlabelled joint adds it", () => {
  const start = doc([person(1)]);
  assert.deepEqual(after(start, placeJoint(start, 1, "right_foot", 25, 61.5, 1)).people[0]?.joints.right_foot, joint(25, 61.5, { v: 1, source: "added" }));
});

test("the source of a joint follows from what was done to it", () => {
  const predicted = { x: 1, y: 2, v: /** @type {const} */ (2), source: /** @type {const} */ ("predicted") };
  assert.equal(sourceAfter(predicted, { x: 1, y: 3, v: 2 }), "moved");
  assert.equal(sourceAfter(predicted, { x: 1, y: 2, v: 1 }), "moved");
  assert.equal(sourceAfter(predicted, { x: 0, y: 0, v: 0 }), "removed");
  assert.equal(sourceAfter(UNLABELLED, { x: 1, y: 2, v: 2 }), "added");
  assert.equal(sourceAfter(UNLABELLED, { x: 0, y: 0, v: 0 }), "imported");
});

test("swapping sides exchanges values; names change, places do not", () => {
  const start = doc([person(1)]);
  const one = after(start, swapSides(start, 1, SKELETON, "left_hand")).people[0];
  assert.deepEqual([one?.joints.left_hand?.x, one?.joints.left_hand?.v], [20, 2]);
  assert.deepEqual([one?.joints.right_hand?.x, one?.joints.right_hand?.v], [40, 1]);
  assert.equal(one?.joints.left_foot, start.people[0]?.joints.left_foot);
  const all = after(start, swapSides(start, 1, SKELETON, null)).people[0];
  assert.deepEqual([all?.joints.right_foot?.x, all?.joints.right_foot?.source], [35.125, "added"]);
  assert.deepEqual([all?.joints.left_foot?.v, all?.joints.left_foot?.source], [0, "removed"]);
  assert.equal(swapSides(start, 1, SKELETON, "head"), null);
});

test("accepting takes predictions as they stand and leaves the rest alone", () => {
  const start = doc([person(1), person(2, { crowd: true })]);
  const edit = acceptPeople(start, [1, 2]);
  assert.deepEqual(edit?.changes.map((c) => [c.person, c.after]), [[1, { joints: { right_hand: { x: 20, y: 30, v: 2, source: "accepted" } } }]]);
  assert.equal(acceptPeople(after(start, edit), [1]), null);
});

test("a joint that a model left unlabelled is not accepted", () => {
  const start = doc([person(1, { joints: { head: { ...UNLABELLED, source: "predicted" } } })]);
  assert.equal(acceptPeople(start, [1]), null);
});

test("submitting accepts every person's predictions and sets the status, in one edit", () => {
  const start = doc([person(1), person(2)], 1, "prefilled");
  const edit = submitImage(start, "done");
  assert.equal(edit?.changes.length, 2);
  assert.equal(after(start, edit).image.status, "done");
  assert.equal(submitImage(doc([], 1, "done"), "done"), null);
});

test("deleting keeps the person, and restoring brings it back; crowds stay", () => {
  const start = doc([person(1), person(2, { crowd: true })]);
  const gone = after(start, setDeleted(start, 1, true));
  assert.equal(gone.people[0]?.deleted, true);
  assert.deepEqual(after(gone, setDeleted(gone, 1, false)), start);
  assert.equal(setDeleted(start, 2, true), null);
});

test("the difference of two versions is the patch between them", () => {
  const mine = person(1, { box: [1, 2, 3, 4], joints: { ...person(1).joints, head: joint(1, 1) } });
  assert.deepEqual(difference(person(1), mine), { joints: { head: { x: 1, y: 1, v: 2, source: "imported" } }, box: [1, 2, 3, 4] });
  assert.equal(difference(mine, mine), null);
});

test("an edit of a person that is not there is refused", () => {
  assert.throws(() => moveJoint(doc([]), 7, "head", 1, 1), /person 7: not in image 1/);
});
