import assert from "node:assert/strict";
import { test } from "node:test";

import { pickJoint, pickPerson } from "../../labeltool/editor/pick.js";
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
