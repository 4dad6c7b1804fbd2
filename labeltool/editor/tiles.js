/**
 * Large photos in tiles: which ones a view needs, and those that are here. The server (labeltool/server/tiles.py) has the same
 * numbers: pixel i of level k covers the photo's pixels i * 2^k to (i + 1) * 2^k, and a tile overlaps its neighbours by MARGIN.
 */

/** @import {Size, View} from "./types.js" */

/** @typedef {Readonly<{level: number, column: number, row: number}>} Tile */

/** The longer side of a photo that comes whole. */
export const OVERVIEW = 2048;
export const TILE = 1024;
export const MARGIN = 2;

/** Tiles kept: about 200 MB. */
const MAX_TILES = 48;

/** Tiles fetched at the same time: a browser has six connections, and saves go first. */
const AT_ONCE = 3;

/** Milliseconds that the view must rest before tiles are fetched for it. */
const REST = 70;

/** How much a picture may be stretched before a finer one is fetched. */
const STRETCH = 1.15;

/**
 * How many levels of tiles a photo has.
 * @param {Size} photo
 */
export function levelCount(photo) {
  const longest = Math.max(photo.width, photo.height);
  if (longest <= OVERVIEW) return 0;
  let count = 1;
  while (longest / 2 ** count > OVERVIEW * 1.25) count++;
  return count;
}

/**
 * The coarsest level that shows a photo sharp; null where its overview does.
 * @param {Size} photo @param {number} overview width of the overview in pixels @param {number} scale device pixels to a photo pixel
 * @returns {number | null}
 */
export function levelFor(photo, overview, scale) {
  const count = levelCount(photo);
  if (count === 0 || scale <= (overview / photo.width) * STRETCH) return null;
  return Math.min(Math.max(Math.floor(Math.log2(STRETCH / scale)), 0), count - 1);
}

/**
 * The tiles of a level that a view shows, those nearest to its middle first.
 * @param {Size} photo @param {number} level @param {View} view @param {Size} canvas CSS pixels @returns {Tile[]}
 */
export function visibleTiles(photo, level, view, canvas) {
  const step = TILE * 2 ** level * view.scale;
  const range = (/** @type {number} */ t, /** @type {number} */ room, /** @type {number} */ length) => {
    const last = Math.ceil(Math.ceil(length / 2 ** level) / TILE) - 1;
    return [Math.max(Math.floor(-t / step), 0), Math.min(Math.floor((room - t) / step), last)];
  };
  const [left = 0, right = -1] = range(view.tx, canvas.width, photo.width);
  const [top = 0, bottom = -1] = range(view.ty, canvas.height, photo.height);
  const tiles = [];
  for (let row = top; row <= bottom; row++) for (let column = left; column <= right; column++) tiles.push({ level, column, row });
  const middle = [(canvas.width / 2 - view.tx) / step - 0.5, (canvas.height / 2 - view.ty) / step - 0.5];
  const away = (/** @type {Tile} */ tile) => Math.hypot(tile.column - (middle[0] ?? 0), tile.row - (middle[1] ?? 0));
  return tiles.sort((a, b) => away(a) - away(b));
}

/**
 * Where a tile's picture lies on the photo, and how much of the picture that is: the last column and row may reach beyond it.
 * @param {Size} photo @param {Tile} tile @param {Size} picture pixels of the tile's picture
 * @returns {{x: number, y: number, width: number, height: number, sw: number, sh: number}} photo pixels, edge coordinates
 */
export function tilePlace(photo, tile, picture) {
  const factor = 2 ** tile.level;
  const x = Math.max(tile.column * TILE - MARGIN, 0) * factor;
  const y = Math.max(tile.row * TILE - MARGIN, 0) * factor;
  const width = Math.min(picture.width * factor, photo.width - x);
  const height = Math.min(picture.height * factor, photo.height - y);
  return { x, y, width, height, sw: width / factor, sh: height / factor };
}

/** @param {Tile} tile */
const keyOf = (tile) => `${tile.level},${tile.column},${tile.row}`;

/** The tiles of one photo. */
export class Tiles {
  /** @type {Map<string, {tile: Tile, bitmap: ImageBitmap}>} least recently wanted first */
  #here = new Map();
  /** @type {Tile[]} */
  #wanted = [];
  /** @type {Set<string>} */
  #underWay = new Set();
  /** @type {Set<string>} what could not be had: not asked for again and again */
  #failed = new Set();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #paused = false;
  #over = false;

  /**
   * @param {Size} photo @param {number} overview width of its overview in pixels
   * @param {(key: string) => Promise<ImageBitmap>} load
   * @param {() => void} onArrive called when another tile can be drawn
   */
  constructor(photo, overview, load, onArrive) {
    this.photo = photo;
    this.overview = overview;
    this.load = load;
    this.onArrive = onArrive;
  }

  /** The number of tiles that are here. */
  get size() {
    return this.#here.size;
  }

  /**
   * Fetches what a view needs, once it rests.
   * @param {View} view @param {Size} canvas CSS pixels @param {number} ratio device pixels to a CSS pixel
   */
  want(view, canvas, ratio) {
    const level = levelFor(this.photo, this.overview, view.scale * ratio);
    this.#want(level === null ? [] : visibleTiles(this.photo, level, view, canvas).slice(0, MAX_TILES));
  }

  /**
   * Fetches the finest tile about a place, after those that are wanted already.
   * @param {number} x @param {number} y joint coordinates
   */
  warm(x, y) {
    if (levelCount(this.photo) === 0) return;
    const tile = { level: 0, column: Math.floor(x / TILE), row: Math.floor(y / TILE) };
    if (x < 0 || y < 0 || x >= this.photo.width || y >= this.photo.height || this.#here.has(keyOf(tile))) return;
    if (!this.#wanted.some((t) => keyOf(t) === keyOf(tile))) this.#want([...this.#wanted, tile]);
  }

  /** @param {boolean} paused start no request until it is false again */
  pause(paused) {
    this.#paused = paused;
    if (!paused) this.#next();
  }

  /**
   * Draws the tiles that lie in a view over the overview, coarse ones first.
   * @param {CanvasRenderingContext2D} ctx @param {View} view @param {Size} canvas CSS pixels @param {number} ratio
   */
  draw(ctx, view, canvas, ratio) {
    const level = levelFor(this.photo, this.overview, view.scale * ratio);
    if (level === null) return;
    const found = [...this.#here.values()].filter(({ tile }) => tile.level >= level);
    for (const { tile, bitmap } of found.sort((a, b) => b.tile.level - a.tile.level)) {
      const at = tilePlace(this.photo, tile, bitmap);
      const [x, y, w, h] = [at.x * view.scale + view.tx, at.y * view.scale + view.ty, at.width * view.scale, at.height * view.scale];
      if (x > canvas.width || y > canvas.height || x + w < 0 || y + h < 0) continue;
      ctx.imageSmoothingEnabled = tile.level > 0 || view.scale * ratio < 4;
      ctx.imageSmoothingQuality = "low";
      ctx.drawImage(bitmap, 0, 0, at.sw, at.sh, x, y, w, h);
    }
  }

  /** Lets go of everything. */
  dispose() {
    this.#over = true;
    clearTimeout(this.#timer);
    for (const { bitmap } of this.#here.values()) bitmap.close();
    this.#here.clear();
  }

  /** @param {Tile[]} tiles */
  #want(tiles) {
    for (const tile of [...tiles].reverse()) {
      const known = this.#here.get(keyOf(tile));
      if (known) this.#here.delete(keyOf(tile));
      if (known) this.#here.set(keyOf(tile), known);
    }
    this.#wanted = tiles.filter((tile) => !this.#here.has(keyOf(tile)));
    clearTimeout(this.#timer);
    if (this.#wanted.length) this.#timer = setTimeout(() => this.#next(), REST);
  }

  #next() {
    while (!this.#paused && !this.#over && this.#underWay.size < AT_ONCE) {
      const tile = this.#wanted.shift();
      if (!tile) return;
      const key = keyOf(tile);
      if (!this.#here.has(key) && !this.#underWay.has(key) && !this.#failed.has(key)) void this.#fetch(tile, key);
    }
  }

  /** @param {Tile} tile @param {string} key */
  async #fetch(tile, key) {
    this.#underWay.add(key);
    try {
      const bitmap = await this.load(key);
      if (this.#over) return bitmap.close();
      this.#here.set(key, { tile, bitmap });
      this.#evict();
      this.onArrive();
    } catch {
      this.#failed.add(key); // The overview stays, which is less sharp but true.
      setTimeout(() => this.#failed.delete(key), 5000);
    } finally {
      this.#underWay.delete(key);
      this.#next();
    }
  }

  #evict() {
    for (const [key, { bitmap }] of this.#here) {
      if (this.#here.size <= MAX_TILES) return;
      this.#here.delete(key);
      bitmap.close();
    }
  }
}
