import assert from "node:assert/strict";
import { test } from "node:test";

import { Photos } from "../../labeltool/editor/photos.js";

/** @param {(id: number) => Promise<any>} photo */
function shelf(photo) {
  /** @type {number[]} */
  const asked = [];
  /** @type {number[]} */
  const closed = [];
  const api = /** @type {any} */ ({ photo: (/** @type {number} */ id, /** @type {string} */ query) => (asked.push(id), assert.equal(query, "max=2048"), photo(id)) });
  const decode = async (/** @type {any} */ blob) => {
    if (blob.broken) throw new Error("no image");
    return /** @type {any} */ ({ width: 2000, height: 1500, close: () => closed.push(blob.id) });
  };
  return { photos: new Photos(api, decode), asked, closed };
}

test("a photo is fetched and decoded once, and knows its true size", async () => {
  const { photos, asked } = shelf(async (id) => ({ blob: { id }, size: { width: 4000, height: 3000 } }));
  const [a, b] = await Promise.all([photos.get(1), photos.get(1)]);
  assert.equal(a, b);
  assert.deepEqual(asked, [1]);
  assert.ok(a.kind === "ready" && a.width === 4000 && a.bitmap.width === 2000);
});

test("the pictures of photos left long ago are closed, those used last are not", async () => {
  const { photos, closed } = shelf(async (id) => ({ blob: { id }, size: null }));
  for (let id = 1; id <= 8; id++) await photos.get(id);
  await photos.get(1);
  for (let id = 9; id <= 11; id++) await photos.get(id);
  await Promise.resolve();
  assert.deepEqual(closed, [2, 3, 4]);
});

test("a broken photo is an answer; an unreachable server is not, and is asked again", async () => {
  const refusal = Object.assign(new Error("a.jpg: not an image"), { name: "ServerAnswer" });
  let reachable = false;
  const { photos, asked } = shelf(async (id) => {
    if (id === 1) throw refusal;
    if (id === 2) return { blob: { broken: true }, size: null };
    if (!reachable) throw new TypeError("fetch failed");
    return { blob: { id }, size: null };
  });
  assert.deepEqual(await photos.get(1), { kind: "broken", message: "a.jpg: not an image" });
  assert.deepEqual(await photos.get(2), { kind: "broken", message: "this browser cannot decode the photo" });
  await assert.rejects(photos.get(3));
  reachable = true;
  assert.equal((await photos.get(3)).kind, "ready");
  assert.deepEqual(asked, [1, 2, 3, 3]);
});

test("a server that is busy or restarting has not said that a photo is broken", async () => {
  const busy = Object.assign(new Error("try later"), { name: "ServerAnswer", status: 503 });
  let answers = 0;
  const { photos } = shelf(async (id) => {
    if (answers++ === 0) throw busy;
    return { blob: { id }, size: null };
  });
  await assert.rejects(photos.get(1), busy);
  assert.equal((await photos.get(1)).kind, "ready");
});
