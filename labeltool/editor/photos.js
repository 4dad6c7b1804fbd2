/** Photos and labels by image, fetched once and kept for a while: what prefetching fills and the canvas draws. */

/** @import {Api} from "./api.js" */
/** @import {ImageDoc} from "./types.js" */

/** @typedef {{kind: "ready", bitmap: ImageBitmap} | {kind: "broken", message: string}} Photo */

/** Decoded photos kept, in pixels of all together: about 480 MB. */
const MAX_PIXELS = 120_000_000;
const MAX_PHOTOS = 8;

export class Photos {
  /** @type {Map<number, Promise<Photo>>} least recently used first */
  #photos = new Map();
  /** @type {Map<number, number>} */
  #pixels = new Map();

  /** @param {Api} api @param {(blob: Blob) => Promise<ImageBitmap>} [decode] */
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
    return photo;
  }

  /** @param {number} id @returns {Promise<Photo>} */
  async #fetch(id) {
    let blob;
    try {
      blob = await this.api.photo(id);
    } catch (error) {
      this.#photos.delete(id); // Not kept: it is asked for again when the labeller comes back.
      if (error instanceof Error && error.name === "ServerAnswer") return { kind: "broken", message: error.message };
      throw error;
    }
    try {
      const bitmap = await this.decode(blob);
      if (this.#photos.has(id)) this.#pixels.set(id, bitmap.width * bitmap.height);
      this.#evict(id);
      return { kind: "ready", bitmap };
    } catch {
      return { kind: "broken", message: "this browser cannot decode the photo" };
    }
  }

  /** @param {number} newest */
  #evict(newest) {
    const total = () => [...this.#pixels.values()].reduce((sum, n) => sum + n, 0);
    for (const id of [...this.#photos.keys()]) {
      if (this.#photos.size <= MAX_PHOTOS && total() <= MAX_PIXELS) return;
      if (id === newest) continue;
      // Not closed: the one on the canvas may be among them. It goes when nothing holds it any more.
      this.#photos.delete(id);
      this.#pixels.delete(id);
    }
  }
}

/** Labels by image id: one request an image at a time, however many ask. */
export class Docs {
  /** @type {Map<number, Promise<ImageDoc>>} */
  #underWay = new Map();

  /** @param {Api} api */
  constructor(api) {
    this.api = api;
  }

  /** @param {number} id @returns {Promise<ImageDoc>} */
  fetch(id) {
    let doc = this.#underWay.get(id);
    if (!doc) {
      doc = this.api.image(id).finally(() => this.#underWay.delete(id));
      this.#underWay.set(id, doc);
    }
    return doc;
  }
}
