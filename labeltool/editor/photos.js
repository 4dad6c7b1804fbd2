/** Photos and labels by image, fetched once and kept for a while: what prefetching fills and the canvas draws. */

import { OVERVIEW } from "./tiles.js";

/** @import {Api} from "./api.js" */
/** @import {ImageDoc} from "./types.js" */

/**
 * @typedef {Readonly<{kind: "ready", bitmap: ImageBitmap, width: number, height: number}>} ReadyPhoto
 *   `width` and `height` are those of the photo itself, upright; of a large one the bitmap is smaller and covers all of it.
 * @typedef {ReadyPhoto | Readonly<{kind: "broken", message: string}>} Photo
 */

/** Decoded photos kept: the one on the stage, those fetched ahead, and a few behind; each at most 4.2 megapixels, 17 MB. */
const MAX_PHOTOS = 8;

export class Photos {
  /** @type {Map<number, Promise<Photo>>} least recently used first */
  #photos = new Map();

  /** @param {Api} api @param {(blob: Blob) => Promise<ImageBitmap>} [decode] off the main thread */
  constructor(api, decode = (blob) => createImageBitmap(blob)) {
    this.api = api;
    this.decode = decode;
  }

  /**
   * The photo of an image; a photo that cannot be shown is an answer too. Only an unreachable server is no answer.
   * @param {number} id @returns {Promise<Photo>}
   */
  get(id) {
    const known = this.#photos.get(id);
    if (known) this.#photos.delete(id);
    const photo = known ?? this.#fetch(id);
    this.#photos.set(id, photo);
    this.#evict();
    return photo;
  }

  /** @param {number} id @returns {Promise<Photo>} */
  async #fetch(id) {
    let answer;
    try {
      answer = await this.api.photo(id, `max=${OVERVIEW}`);
    } catch (error) {
      this.#photos.delete(id); // Not kept: it is asked for again when the labeller comes back.
      if (saysNoForGood(error)) return { kind: "broken", message: /** @type {Error} */ (error).message };
      throw error;
    }
    try {
      const bitmap = await this.decode(answer.blob);
      const { width, height } = answer.size ?? bitmap;
      return { kind: "ready", bitmap, width, height };
    } catch {
      return { kind: "broken", message: "this browser cannot decode the photo" };
    }
  }

  /** The one on the stage is among those used last, and stays. */
  #evict() {
    for (const [id, photo] of this.#photos) {
      if (this.#photos.size <= MAX_PHOTOS) return;
      this.#photos.delete(id);
      photo.then((dropped) => dropped.kind === "ready" && dropped.bitmap.close(), () => {});
    }
  }
}

/** Did the server say that this photo cannot be had? One that is busy, restarting, or wants a new sign-in did not. @param {unknown} error */
function saysNoForGood(error) {
  if (!(error instanceof Error) || error.name !== "ServerAnswer") return false;
  const { status = 0 } = /** @type {{status?: number}} */ (error);
  return status < 500 && status !== 401 && status !== 408 && status !== 429;
}

/** Labels by image id: one request an image at a time, however many ask; no answer is older than the last save of its image. */
export class Docs {
  /** @type {Map<number, Promise<ImageDoc>>} */
  #underWay = new Map();
  /** @type {Set<number>} images of which a save was taken while they were asked for */
  #outdated = new Set();

  /** @param {Api} api */
  constructor(api) {
    this.api = api;
  }

  /** @param {number} id @returns {Promise<ImageDoc>} */
  fetch(id) {
    let doc = this.#underWay.get(id);
    if (!doc) {
      doc = this.#ask(id).finally(() => this.#underWay.delete(id));
      this.#underWay.set(id, doc);
    }
    return doc;
  }

  /**
   * The server has taken a save of this image: what is under way may have been read before.
   * @param {number} id
   */
  changed(id) {
    if (this.#underWay.has(id)) this.#outdated.add(id);
  }

  /** @param {number} id @returns {Promise<ImageDoc>} */
  async #ask(id) {
    for (;;) {
      this.#outdated.delete(id);
      const doc = await this.api.image(id);
      if (!this.#outdated.has(id)) return doc;
    }
  }
}
