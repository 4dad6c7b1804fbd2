import assert from "node:assert/strict";
import { test } from "node:test";

import { FILTERS, partOf, Queue, STATUSES } from "../../labeltool/editor/queue.js";
import { random } from "./samples.js";

const SMALL = () => new Queue([40, 10, 30, 20, 50], "03104"); // unlabelled, done, prefilled, unlabelled, skipped

test("counts, ranks and ids by filter", () => {
  const queue = SMALL();
  assert.deepEqual(["all", "unlabelled", "prefilled", "in_progress", "done", "skipped", "unfinished"].map((f) => queue.count(/** @type {any} */ (f))), [5, 2, 1, 0, 1, 1, 3]);
  assert.equal(queue.rank(20, "all"), 4);
  assert.equal(queue.rank(20, "unlabelled"), 2);
  assert.equal(queue.rank(30, "unlabelled"), 2, "where it would stand");
  assert.equal(queue.atRank(2, "unlabelled"), 20);
  assert.equal(queue.atRank(3, "unlabelled"), null);
  assert.equal(queue.first("in_progress"), null);
});

test("neighbours pass the filter, whether or not the image itself does", () => {
  const queue = SMALL();
  assert.equal(queue.neighbour(40, 1, "all"), 10);
  assert.equal(queue.neighbour(40, -1, "all"), null);
  assert.equal(queue.neighbour(10, 1, "unlabelled"), 20);
  assert.equal(queue.neighbour(20, 1, "unlabelled"), null);
  assert.deepEqual(queue.following(40, 2, "all"), [10, 30]);
});

test("the next unfinished image goes round at the end and is never the same one", () => {
  const queue = SMALL();
  assert.equal(queue.unfinished(20, 1), 40);
  assert.equal(queue.unfinished(40, -1), 20);
  assert.equal(queue.unfinished(10, 1), 30);
  for (const id of [10, 20, 30, 40, 50]) queue.setStatus(id, "done");
  assert.equal(queue.unfinished(10, 1), null);
  assert.equal(new Queue([7], "0").unfinished(7, 1), null);
});

test("a changed status counts at once", () => {
  const queue = SMALL();
  queue.setStatus(40, "done");
  assert.equal(queue.status(40), "done");
  assert.equal(queue.count("done"), 2);
});

test("an image that is not there, and columns that do not fit, are said", () => {
  assert.throws(() => SMALL().rank(99, "all"), /image 99: not in the queue/);
  assert.throws(() => new Queue([1, 2], "0"), /2 ids and 1 statuses/);
});

test("100,000 images: a look at every count and neighbour takes milliseconds", () => {
  const ids = Array.from({ length: 100_000 }, (_, i) => i + 1);
  const queue = new Queue(ids, "3".repeat(99_999) + "0");
  const begin = performance.now();
  assert.equal(queue.unfinished(1, 1), 100_000);
  assert.equal(queue.rank(100_000, "all"), 100_000);
  assert.equal(queue.count("done"), 99_999);
  assert.ok(performance.now() - begin < 500);
});

test("what needs a fix is a filter of its own, beside the status", () => {
  const queue = new Queue([40, 10, 30], "030", "041");
  assert.equal(queue.count("fix"), 2);
  assert.deepEqual([queue.passes(10, "fix"), queue.passes(10, "done"), queue.passes(40, "fix")], [true, true, false]);
  assert.equal(queue.neighbour(40, 1, "fix"), 10);
  queue.setFix(10, 0);
  queue.setFix(40, 2);
  queue.setFix(30, 5);
  assert.equal(queue.count("fix"), 2);
  assert.equal(queue.fix(30), 5);
  assert.throws(() => new Queue([1, 2], "00", "0"), /2 ids and 1 digits of what to fix/);
});

test("the next unfinished image passes the filter as long as one does", () => {
  const queue = new Queue([1, 2, 3, 4], "0010", "0100"); // 3 is pre-filled, 2 needs a fix
  assert.equal(queue.unfinished(1, 1, "prefilled"), 3);
  assert.equal(queue.unfinished(3, 1, "prefilled"), 4, "no other is pre-filled: the nearest that waits");
  assert.equal(queue.unfinished(4, 1, "fix"), 2);
  assert.equal(queue.unfinished(1, 1, "done"), 2);
});

test("counts follow random changes", () => {
  const next = random(7);
  const ids = Array.from({ length: 50 }, (_, i) => i);
  const queue = new Queue(ids, "0".repeat(50), "0".repeat(50));
  for (let n = 0; n < 300; n++) {
    const id = Math.floor(next() * 50);
    if (next() < 0.5) queue.setStatus(id, STATUSES[Math.floor(next() * 5)] ?? "done");
    else queue.setFix(id, Math.floor(next() * 8));
  }
  for (const [filter] of FILTERS) assert.equal(queue.count(filter), ids.filter((id) => queue.passes(id, filter)).length, filter);
});

test("a part of the queue is told by the server; among marked images, what waits is what is still marked", () => {
  const queue = SMALL();
  /** @type {import("../../labeltool/editor/queue.js").Filter} */
  const marked = "mark:suspects:limb";
  assert.equal(queue.count(marked), 0, "nothing was told yet");
  queue.setPart(marked, "01010");
  assert.equal(queue.count(marked), 2);
  assert.equal(queue.count("mark:suspects:swap"), 0, "that is another part");
  assert.equal(queue.first(marked), 10);
  assert.equal(queue.unfinished(10, 1, marked), 20, "the one that is done is not asked for, but the next marked one");
  queue.setChosen(20, false);
  assert.deepEqual([queue.count(marked), queue.unfinished(10, 1, marked), queue.unfinished(20, 1, marked)], [1, null, 10]);
  assert.throws(() => queue.setPart(marked, "01"), /5 ids and 2 digits/);
  assert.deepEqual([partOf("done"), partOf("fix"), partOf("by:anna"), partOf(marked)], ["", "", "by:anna", marked]);
});
