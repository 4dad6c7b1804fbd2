import assert from "node:assert/strict";
import { test } from "node:test";

import {
  acceptPeople, applyEdit, jointOf, moveJoint, nudgeJoint, personOf, placeJoint, setFlag, submitImage, swapSides,
} from "../../labeltool/editor/edits.js";
import { History } from "../../labeltool/editor/history.js";
import { setDeleted } from "../../labeltool/editor/people.js";
import { doc, joint, person, random, SKELETON } from "./samples.js";

/** @import {Edit, ImageDoc} from "../../labeltool/editor/types.js" */

/** @type {((d: ImageDoc, id: number, name: string, next: () => number) => Edit | null)[]} */
const ACTIONS = [
  (d, id, name, next) => moveJoint(d, id, name, next() * 100, next() * 80),
  (d, id, name, next) => nudgeJoint(d, id, name, Math.round(next() * 4 - 2), 1),
  (d, id, name, next) => setFlag(d, id, name, /** @type {0 | 1 | 2} */ (Math.floor(next() * 3))),
  (d, id, name, next) => placeJoint(d, id, name, next() * 100, next() * 80, next() < 0.5 ? 1 : 2),
  (d, id, name) => swapSides(d, id, SKELETON, name),
  (d, id) => swapSides(d, id, SKELETON, null),
  (d, id) => acceptPeople(d, [id]),
  (d, id) => setDeleted(d, id, !personOf(d, id).deleted),
  (d, _id, _name, next) => submitImage(d, next() < 0.7 ? "done" : "in_progress"),
];

/** @template T @param {readonly T[]} list @param {() => number} next @returns {T} */
function pick(list, next) {
  return /** @type {T} */ (list[Math.floor(next() * list.length)]);
}

test("n edits and n undos give the start, n redos the end: random sequences over every action", () => {
  for (let seed = 0; seed < 300; seed++) {
    const next = random(seed);
    const start = doc([person(1), person(2), person(3, { crowd: true })], 1, "prefilled");
    const history = new History();
    const states = [start];
    for (let i = 0; i < 40; i++) {
      const now = /** @type {ImageDoc} */ (states.at(-1));
      const edit = pick(ACTIONS, next)(now, pick([1, 2, 3], next), pick(SKELETON.joints, next), next);
      if (!edit) continue;
      history.push(edit);
      states.push(applyEdit(now, edit));
    }
    let now = /** @type {ImageDoc} */ (states.at(-1));
    for (const expected of states.slice(0, -1).reverse()) {
      now = applyEdit(now, /** @type {Edit} */ (history.undo()));
      assert.deepEqual(now, expected, `seed ${seed}: undo`);
    }
    assert.equal(history.undo(), null);
    for (const expected of states.slice(1)) {
      now = applyEdit(now, /** @type {Edit} */ (history.redo()));
      assert.deepEqual(now, expected, `seed ${seed}: redo`);
    }
    assert.equal(history.redo(), null);
  }
});

test("random walks of edits, undos and redos: every joint is labelled with a place or neither", () => {
  for (let seed = 0; seed < 100; seed++) {
    const next = random(1000 + seed);
    let now = doc([person(1), person(2)]);
    const history = new History();
    for (let i = 0; i < 60; i++) {
      const dice = next();
      const edit = dice < 0.25 ? history.undo() : dice < 0.4 ? history.redo() : pick(ACTIONS, next)(now, pick([1, 2], next), pick(SKELETON.joints, next), next);
      if (!edit) continue;
      if (dice >= 0.4) history.push(edit);
      now = applyEdit(now, edit);
      for (const p of now.people) {
        for (const name of SKELETON.joints) {
          const j = jointOf(p, name);
          assert.ok(j.v !== 0 || (j.x === 0 && j.y === 0), `seed ${seed}`);
        }
      }
    }
  }
});

test("a new edit forgets what had been undone", () => {
  const history = new History();
  const start = doc([person(1)]);
  const a = /** @type {Edit} */ (setFlag(start, 1, "head", 1));
  const b = /** @type {Edit} */ (setFlag(start, 1, "head", 0));
  history.push(a);
  history.undo();
  assert.equal(history.redoable, a);
  history.push(b);
  assert.equal(history.redo(), null);
  assert.equal(history.undoable, b);
});

test("forgetting a person drops the edits that touched it, done and undone", () => {
  const start = doc([person(1), person(2)]);
  const history = new History();
  history.push(/** @type {Edit} */ (setFlag(start, 1, "head", 1)));
  const kept = /** @type {Edit} */ (setFlag(start, 2, "head", 1));
  history.push(kept);
  history.push(/** @type {Edit} */ (setFlag(start, 1, "head", 0)));
  history.undo();
  history.forget(1);
  assert.equal(history.redo(), null);
  assert.equal(history.undoable, kept);
  history.undo();
  assert.equal(history.undo(), null);
});

test("an edit of a field that another labeller has changed since is forgotten, those of other fields are not", () => {
  const history = new History();
  const change = (/** @type {any} */ after, who = 1) => ({ action: "x", label: "x", changes: [{ person: who, before: {}, after }] });
  const edits = [change({ joints: { head: joint(1, 1) } }), change({ joints: { left_foot: joint(1, 1) } }), change({ box: [0, 0, 1, 1] }), change({ joints: { head: joint(1, 1) } }, 2)];
  for (const edit of edits) history.push(edit);
  history.undo();
  history.forgetFields(1, ["head", "box"]);
  assert.equal(history.undoable, edits[1]);
  assert.equal(history.redoable, edits[3]);
});
