import assert from "node:assert/strict";
import { test } from "node:test";

import { levelCount, levelFor, tilePlace, Tiles, visibleTiles } from "../../labeltool/editor/tiles.js";

/** @param {number} width @param {number} height */
const size = (width, height) => ({ width, height });

test("a photo has as many levels as the server cuts (tests/server/test_tiles.py has the same table)", () => {
  const table = /** @type {const} */ ([[10, 10, 0], [2048, 1000, 0], [2049, 1000, 1], [4000, 3000, 1], [5121, 100, 2], [8688, 5792, 2], [16320, 12240, 3]]);
  for (const [width, height, levels] of table) assert.equal(levelCount(size(width, height)), levels, `${width} x ${height}`);
});

test("the overview is shown until it would look soft, then the coarsest level that does not", () => {
  const photo = size(8688, 5792);
  assert.equal(levelFor(photo, 2048, 0.2), null);
  assert.equal(levelFor(photo, 2048, 0.4), 1, "level 1 has half of the photo's pixels");
  assert.equal(levelFor(photo, 2048, 0.9), 0);
  assert.equal(levelFor(photo, 2048, 40), 0);
  assert.equal(levelFor(size(2000, 1000), 2000, 40), null, "the photo itself is there");
});

test("a view names the tiles it shows, the middle one first", () => {
  const photo = size(4000, 3000);
  const keys = (/** @type {any} */ view) => visibleTiles(photo, 0, view, size(1000, 800)).map((t) => `${t.column},${t.row}`);
  assert.deepEqual(keys({ scale: 1, tx: 0, ty: 0 }), ["0,0"]);
  assert.equal(keys({ scale: 1, tx: -1500, ty: -1000 })[0], "1,1");
  assert.deepEqual(keys({ scale: 1, tx: -1500, ty: -1000 }).sort(), ["1,0", "1,1", "2,0", "2,1"]);
  assert.equal(keys({ scale: 0.25, tx: 0, ty: 0 }).length, 12, "all of them, and none beyond the photo");
  assert.deepEqual(keys({ scale: 1, tx: 5000, ty: 0 }), [], "the photo is out of sight");
});

test("a tile lies exactly where its pixels are, whatever the level", () => {
  const photo = size(5001, 3001);
  assert.deepEqual(tilePlace(photo, { level: 0, column: 1, row: 0 }, size(1028, 1026)), { x: 1022, y: 0, width: 1028, height: 1026, sw: 1028, sh: 1026 });
  const half = tilePlace(photo, { level: 1, column: 2, row: 1 }, size(455, 479));
  assert.deepEqual([half.x, half.y], [(2048 - 2) * 2, (1024 - 2) * 2]);
  assert.deepEqual([half.x + half.width, half.y + half.height], [5001, 3001], "the last half pixel is cut off, not squeezed in");
  assert.deepEqual([half.sw * 2, half.sh * 2], [half.width, half.height]);
});

/** A shelf of tiles whose requests wait until they are let go. */
function shelf() {
  /** @type {{key: string, done: (ok: boolean) => void}[]} */
  const asked = [];
  /** @type {string[]} */
  const closed = [];
  let arrived = 0;
  const load = (/** @type {string} */ key) =>
    new Promise((resolve, reject) => {
      const bitmap = /** @type {any} */ ({ width: 1024, height: 1024, close: () => closed.push(key) });
      asked.push({ key, done: (ok) => (ok ? resolve(bitmap) : reject(new Error("gone"))) });
    });
  const tiles = new Tiles(size(16320, 12240), 2048, /** @type {any} */ (load), () => arrived++);
  return { tiles, asked, closed, arrived: () => arrived };
}

const tick = (ms = 0) => new Promise((resolve) => setTimeout(resolve, ms));

test("tiles are fetched a few at a time once the view rests, and drawn as they come", async () => {
  const { tiles, asked, arrived } = shelf();
  tiles.want({ scale: 1, tx: 0, ty: 0 }, size(1000, 800), 1);
  tiles.want({ scale: 1, tx: -3000, ty: -3000 }, size(2000, 2000), 1);
  assert.equal(asked.length, 0);
  await tick(100);
  assert.equal(asked.length, 3, "of nine, and none of the view before");
  assert.ok(asked.every(({ key }) => key.startsWith("0,")));
  asked[0]?.done(true);
  asked[1]?.done(false);
  await tick();
  assert.equal(asked.length, 5);
  assert.deepEqual([tiles.size, arrived()], [1, 1], "one that cannot be had is left out");
  tiles.dispose();
});

test("nothing is asked for while paused", async () => {
  const { tiles, asked } = shelf();
  tiles.pause(true);
  tiles.warm(5000, 5000);
  await tick(100);
  assert.equal(asked.length, 0);
  tiles.pause(false);
  assert.deepEqual(asked.map(({ key }) => key), ["0,4,4"]);
  tiles.dispose();
});

test("what is dropped is closed: the oldest beyond the limit, and all at the end", async () => {
  const { tiles, asked, closed } = shelf();
  for (let i = 0; i < 60; i++) {
    tiles.warm((i % 15) * 1024, Math.floor(i / 15) * 1024);
    await tick(i === 0 ? 80 : 0);
    if (i === 0) tiles.pause(false);
  }
  await tick(100);
  for (let i = 0; i < asked.length; i++) {
    asked[i]?.done(true);
    await tick();
  }
  assert.equal(asked.length, 60);
  assert.equal(tiles.size, 48);
  assert.equal(closed.length, 12);
  assert.equal(closed[0], "0,0,0");
  tiles.dispose();
  assert.equal(closed.length, 60);
});
