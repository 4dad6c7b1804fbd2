import assert from "node:assert/strict";
import { test } from "node:test";

import { Queue } from "../../labeltool/editor/queue.js";

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
