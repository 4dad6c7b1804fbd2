import assert from "node:assert/strict";
import { test } from "node:test";

import { onSkeleton, pickHandle, pickJoint, pickPerson, TOUCH_RADIUS } from "../../labeltool/editor/pick.js";
import { doc, joint, person, SKELETON } from "./samples.js";

const VIEW = { scale: 1, tx: 0, ty: 0 };
/** @param {number} id @param {number} x @param {number} y */
const dot = (id, x, y) => person(id, { joints: { head: joint(x - 0.5, y - 0.5) }, box: null });

test("the nearest joint within the radius, and none beyond it", () => {
  const d = doc([dot(1, 50, 50), dot(2, 58, 50)]);
  assert.equal(pickJoint(d, VIEW, 53, 50, null)?.person, 1);
  assert.equal(pickJoint(d, VIEW, 56, 50, null)?.person, 2);
  assert.equal(pickJoint(d, VIEW, 80, 50, null), null);
});

test("joints of the selected person win, even when another is nearer", () => {
  const d = doc([dot(1, 50, 50), dot(2, 58, 50), dot(3, 57, 50)]);
  assert.equal(pickJoint(d, VIEW, 57, 50, 1)?.person, 1);
  assert.equal(pickJoint(doc([...d.people].reverse()), VIEW, 57, 50, 1)?.person, 1);
});

test("the radius is in screen pixels, whatever the zoom", () => {
  const d = doc([dot(1, 50, 50)]);
  const far = { scale: 0.1, tx: 0, ty: 0 };
  assert.equal(pickJoint(d, far, 14, 5, null)?.person, 1, "90 photo pixels away are 9 on the screen");
  assert.equal(pickJoint(d, { scale: 10, tx: 0, ty: 0 }, 520, 500, null), null, "2 photo pixels are 20");
});

test("unlabelled joints, crowds and deleted people are not there for the pointer", () => {
  const hidden = [dot(1, 50, 50), { ...dot(2, 50, 50), crowd: true }, { ...dot(3, 50, 50), deleted: true }];
  const none = { ...hidden[0], joints: { head: joint(0, 0, { v: 0 }) } };
  assert.equal(pickJoint(doc([/** @type {any} */ (none), ...hidden.slice(1)]), VIEW, 50, 50, null), null);
});

test("a person is found by the limb, then by the smallest box, and empty space finds nobody", () => {
  const large = person(1, { box: [0, 0, 100, 80] });
  const small = person(2, { box: [60, 40, 20, 20], joints: {} });
  const d = doc([large, small]);
  assert.equal(pickPerson(d, SKELETON, VIEW, 70, 50), 2);
  assert.equal(pickPerson(d, SKELETON, VIEW, 5, 70), 1);
  assert.equal(pickPerson(d, SKELETON, VIEW, 35, 23), 1, "on the limb from head to left hand");
  assert.equal(pickPerson(d, SKELETON, VIEW, 300, 300), null);
});

test("a finger reaches further than a pointer", () => {
  const d = doc([dot(1, 50, 50)]);
  assert.equal(pickJoint(d, VIEW, 70, 50, null), null);
  assert.equal(pickJoint(d, VIEW, 70, 50, null, TOUCH_RADIUS)?.person, 1);
});

test("a handle is found within a radius in screen pixels, the nearest one", () => {
  const box = /** @type {const} */ ([100, 100, 200, 100]);
  assert.equal(pickHandle(box, VIEW, 103, 97), "nw");
  assert.equal(pickHandle(box, VIEW, 200, 95), "n");
  assert.equal(pickHandle(box, VIEW, 300, 150), "e");
  assert.equal(pickHandle(box, VIEW, 150, 150), null);
  assert.equal(pickHandle(box, { scale: 0.5, tx: 0, ty: 0 }, 54, 46), "nw");
  assert.equal(pickHandle(box, { scale: 0.5, tx: 0, ty: 0 }, 60, 60), null);
});

test("a person is taken by a joint or a limb, not by the empty space between", () => {
  const one = person(1, { joints: { head: joint(50, 10), left_hand: joint(90, 50), right_hand: joint(10, 50) } });
  assert.equal(onSkeleton(one, SKELETON, VIEW, 70.5, 30.5, 8), true, "on the limb");
  assert.equal(onSkeleton(one, SKELETON, VIEW, 10, 56, 8), true, "near a joint");
  assert.equal(onSkeleton(one, SKELETON, VIEW, 50, 50, 8), false);
});
