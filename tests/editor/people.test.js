import assert from "node:assert/strict";
import { test } from "node:test";

import { applyEdit, inverse } from "../../labeltool/editor/edits.js";
import { addPerson, boxInPhoto, copyPeople, fitBox, isHuman, moveAll, prefill, setBox } from "../../labeltool/editor/people.js";
import { doc, joint, person, SKELETON, UNLABELLED } from "./samples.js";

/** @import {Box, Edit, ImageDoc} from "../../labeltool/editor/types.js" */

/** @param {ImageDoc} start @param {Edit | null} edit */
function after(start, edit) {
  assert.ok(edit);
  return applyEdit(start, edit);
}

test("a box stays inside the photo, whichever corner it was drawn from, to a thousandth of a pixel", () => {
  const photo = { width: 100, height: 80 };
  /** @type {[Box, Box | null][]} */
  const cases = [
    [[10, 20, 30, 40], [10, 20, 30, 40]],
    [[40, 60, -30, -40], [10, 20, 30, 40]],
    [[-5, -5, 20, 20], [0, 0, 15, 15]],
    [[90, 70, 50, 50], [90, 70, 10, 10]],
    [[1.00049, 2, 10.0001, 10], [1, 2, 10.001, 10]],
    [[10, 10, 2, 40], null],
    [[10, 10, 0, 0], null],
    [[120, 10, 30, 30], null],
  ];
  for (const [drawn, expected] of cases) assert.deepEqual(boxInPhoto(drawn, photo), expected, String(drawn));
  assert.deepEqual(boxInPhoto([0, 0, 2, 2], { width: 2, height: 2 }), [0, 0, 2, 2], "a photo of two pixels has room for somebody");
});

test("a new person is in the image with its box and no joints; taken back, it is deleted; brought again, it is there", () => {
  const start = doc([person(1)]);
  const edit = addPerson(start, SKELETON, -7, [50, 10, 20, 30]);
  const made = after(start, edit);
  assert.deepEqual(made.people[1], {
    id: -7, image_id: 1, revision: 0, box: [50, 10, 20, 30], crowd: false, deleted: false,
    joints: Object.fromEntries(SKELETON.joints.map((name) => [name, { x: 0, y: 0, v: 0, source: "added", confidence: null }])),
  });
  const gone = applyEdit(made, inverse(/** @type {Edit} */ (edit)));
  assert.equal(gone.people.length, 2);
  assert.equal(gone.people[1]?.deleted, true);
  assert.deepEqual(applyEdit(gone, /** @type {Edit} */ (edit)), made);
  assert.equal(addPerson(start, SKELETON, -7, [50, 10, 1, 1]), null);
});

test("a box changes without the joints; crowds and deleted people keep theirs", () => {
  const start = doc([person(1), person(2, { crowd: true }), person(3, { deleted: true })]);
  const made = after(start, setBox(start, 1, [5, 5, 10, 10]));
  assert.deepEqual(made.people[0]?.box, [5, 5, 10, 10]);
  assert.deepEqual(made.people[0]?.joints, start.people[0]?.joints);
  assert.equal(setBox(start, 1, [10, 10, 40, 60]), null, "the same box");
  for (const id of [2, 3]) assert.equal(setBox(start, id, [5, 5, 10, 10]), null);
});

test("a box fitted to joints has them all with a margin of a tenth, hidden ones too, and stays in the photo", () => {
  const start = doc([person(1, { joints: { ...person(1).joints, head: joint(30, 10), left_hand: joint(40, 30, { v: 1 }), left_foot: joint(35, 49), right_hand: UNLABELLED } })]);
  const made = after(start, fitBox(start, 1));
  // Edges 30.5 to 40.5 and 10.5 to 49.5; the longer side is 39.
  assert.deepEqual(made.people[0]?.box, [26.6, 6.6, 17.8, 46.8]);
  assert.deepEqual(made.people[0]?.joints, start.people[0]?.joints);
  const atEdge = doc([person(1, { joints: { head: joint(0, 0), left_foot: joint(99, 79) } })]);
  assert.deepEqual(after(atEdge, fitBox(atEdge, 1)).people[0]?.box, [0, 0, 100, 80]);
  assert.equal(fitBox(doc([person(1, { joints: { head: UNLABELLED } })]), 1), null);
});

test("moving a whole person keeps its shape at the edge of the photo, and predictions stay predictions", () => {
  const start = doc([person(1)]);
  const made = after(start, moveAll(start, 1, 1000, -2));
  const [before, moved] = [start.people[0]?.joints, made.people[0]?.joints];
  // The rightmost joint is at 40 of 0 to 99: 59 pixels are left.
  assert.deepEqual(moved?.head, joint(89.25, 13.5, { source: "moved" }));
  assert.deepEqual(moved?.left_hand, joint(99, 28, { v: 1, source: "moved" }));
  assert.deepEqual(moved?.right_hand, joint(79, 28, { source: "predicted", confidence: 0.8 }));
  assert.deepEqual(moved?.right_foot, before?.right_foot, "what is not labelled has no place");
  assert.deepEqual(made.people[0]?.box, start.people[0]?.box);
  assert.equal(moveAll(start, 1, 0, 0), null);
  const outside = doc([person(1, { joints: { head: joint(-20, 10), left_foot: joint(50, 50) } })]);
  assert.equal(after(outside, moveAll(outside, 1, -10, 0)).people[0]?.joints.left_foot?.x, 40, "a joint outside does not hold back the others");
});

test("pre-fill lays predictions on what no human decided, and takes away earlier ones that the model does not repeat", () => {
  const joints = {
    head: joint(30, 15), left_hand: UNLABELLED, right_hand: joint(20, 30, { source: "predicted", confidence: 0.8 }),
    left_foot: joint(35, 60, { source: "predicted", confidence: 0.2 }), right_foot: { ...UNLABELLED, source: /** @type {const} */ ("removed") },
  };
  const start = doc([person(1, { joints })]);
  const guess = Object.fromEntries(["head", "left_hand", "right_hand", "right_foot"].map((name) => [name, { x: 11.12345, y: 200, confidence: 0.6 }]));
  const made = after(start, prefill(start, 1, SKELETON, guess, false)).people[0]?.joints;
  const predicted = { x: 11.123, y: 79, v: 2, source: "predicted", confidence: 0.6 };
  assert.deepEqual(made?.head, joints.head, "imported: a human's word");
  assert.deepEqual(made?.left_hand, predicted);
  assert.deepEqual(made?.right_hand, predicted);
  assert.deepEqual(made?.left_foot, { x: 0, y: 0, v: 0, source: "predicted", confidence: null });
  assert.deepEqual(made?.right_foot, joints.right_foot, "removed: a human's word");
  const all = after(start, prefill(start, 1, SKELETON, guess, true)).people[0]?.joints;
  assert.deepEqual([all?.head, all?.right_foot], [predicted, predicted]);
  assert.equal(prefill(start, 1, SKELETON, {}, true)?.changes[0]?.after.joints?.head, undefined, "what the model does not know stays, even then");
});

test("taking a pre-fill back brings the confidences of before", () => {
  const start = doc([person(1)]);
  const edit = /** @type {Edit} */ (prefill(start, 1, SKELETON, { right_hand: { x: 1, y: 2, confidence: 0.4 } }, false));
  assert.equal(applyEdit(start, edit).people[0]?.joints.right_hand?.confidence, 0.4);
  assert.deepEqual(applyEdit(applyEdit(start, edit), inverse(edit)), start);
});

test("copied people arrive as predictions without a confidence, with their boxes and flags", () => {
  const from = doc([person(1), person(2, { crowd: true }), person(3, { deleted: true }), person(4, { box: null })], 2);
  const start = doc([person(9)], 1);
  let next = 0;
  const edit = copyPeople(start, from, SKELETON, () => --next);
  const made = after(start, edit);
  assert.deepEqual(made.people.map((p) => p.id), [9, -1, -2]);
  const copy = made.people[1];
  assert.deepEqual(copy?.box, [10, 10, 40, 60]);
  assert.deepEqual(copy?.joints.left_hand, { x: 40, y: 30, v: 1, source: "predicted", confidence: null });
  assert.deepEqual(copy?.joints.right_foot, { x: 0, y: 0, v: 0, source: "added", confidence: null });
  assert.equal(copy?.image_id, 1);
  assert.ok(made.people[2]?.box, "who had no box gets one around the joints");
  assert.equal(edit?.label, "copy 2 people");
  assert.equal(copyPeople(start, doc([person(2, { crowd: true })], 2), SKELETON), null);
});

test("a human's word is a label that is no mere prediction, or a removal", () => {
  for (const source of /** @type {const} */ (["imported", "accepted", "moved", "added"])) {
    assert.equal(isHuman(joint(1, 1, { source })), true, source);
    assert.equal(isHuman({ ...UNLABELLED, source }), false, `${source}, not labelled`);
  }
  assert.equal(isHuman(joint(1, 1, { source: "predicted" })), false);
  assert.equal(isHuman({ ...UNLABELLED, source: "removed" }), true);
});
