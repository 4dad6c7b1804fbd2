import assert from "node:assert/strict";
import { test } from "node:test";

import { isOfFilter, marksOf, wordsOf } from "../../labeltool/editor/marks.js";
import { doc, person, settle } from "./samples.js";
import { sessionOf } from "./sessions.js";

/** @import {Mark} from "../../labeltool/editor/types.js" */

/** @type {Mark} */
const LIMB = { id: 1, source: "suspects", kind: "limb", person: 10, joints: ["left_knee"], score: 2, note: "too long" };
/** @type {Mark} */
const PHOTO = { ...LIMB, id: 2, source: "fiftyone", kind: "blurry", person: null, joints: [], note: null };

test("a mark says who, what, where and why", () => {
  assert.equal(wordsOf(LIMB), "suspects · limb: left knee: too long");
  assert.equal(wordsOf(PHOTO), "fiftyone · blurry");
  const arms = ["left_hand", "right_hand", "left_foot", "right_foot"];
  assert.equal(wordsOf({ ...LIMB, kind: "swap", joints: arms, note: "why" }), "suspects · swap: hand, foot (both sides): why");
});

test("a filter means a source, or one of its kinds", () => {
  assert.deepEqual(["mark:suspects", "mark:suspects:limb", "mark:suspects:swap", "all"].map((f) => isOfFilter(LIMB, /** @type {any} */ (f))), [true, true, false, false]);
});

test("a person has its own marks and those of the image", () => {
  const doc = /** @type {any} */ ({ image: { marks: [LIMB, PHOTO] }, people: [] });
  assert.deepEqual(marksOf(doc, 10), [LIMB, PHOTO]);
  assert.deepEqual(marksOf(doc, 11), [PHOTO]);
  assert.deepEqual(marksOf(null, 10), []);
});

test("in a marked part the marked person is chosen; calling it right or editing it takes the image out of the part", async () => {
  const big = person(10, { box: [0, 0, 90, 70] });
  const [first, second] = [doc([big, person(11)], 1), doc([person(20), person(21)], 2)];
  const on = (/** @type {number} */ id, /** @type {number} */ who) => ({ ...LIMB, id, person: who });
  const docs = [
    { ...first, image: { ...first.image, marks: [on(1, 11)] } },
    { ...second, image: { ...second.image, marks: [on(2, 21), { ...PHOTO, id: 3 }] } },
  ];
  const { server, session } = await sessionOf(docs);
  const queue = server.queue.bind(server);
  /** @type {string[]} */
  const asked = [];
  Object.assign(server, {
    queue: async (/** @type {string} */ order, /** @type {number} */ _seed, /** @type {string} */ part) => {
      asked.push(`${order} ${part}`);
      return { ...(await queue()), ...(part ? { chosen: "11" } : {}), marks: [["suspects", "limb", 2]] };
    },
    settleMarks: async (/** @type {number} */ id, /** @type {number[]} */ right) => {
      server.log.push(`RIGHT ${id} ${right}`);
      return { marks: (server.docs.get(id)?.image.marks ?? []).filter((m) => !right.includes(m.id)) };
    },
  });
  session.setFilter("mark:suspects");
  await settle();
  assert.deepEqual(asked, ["mark mark:suspects"], "by score, unless another order was chosen");
  assert.equal(session.queue.count("mark:suspects"), 2);
  await session.open(1);
  assert.equal(session.selection.person, 11, "not the larger one");
  await session.lookedAt();
  assert.ok(server.log.includes("RIGHT 1 1"));
  assert.deepEqual([session.doc?.image.marks, session.queue.count("mark:suspects")], [[], 1]);
  session.goUnfinished(1);
  await settle();
  assert.deepEqual([session.imageId, session.selection.person], [2, 21]);
  session.removePerson(21, true);
  await settle();
  assert.deepEqual(session.doc?.image.marks?.map((m) => m.id), [3], "the image's own mark stays");
  assert.equal(session.queue.count("mark:suspects"), 0);
  session.setFilter("all");
  assert.equal(session.work.order, "position");
});

test("the address may ask for a person and a part", async () => {
  const { session } = await sessionOf([doc([person(10, { box: [0, 0, 90, 70] }), person(11)], 1)]);
  await session.start(1, { person: 11, filter: "done" });
  assert.deepEqual([session.imageId, session.selection.person, session.filter], [1, 11, "done"]);
});
