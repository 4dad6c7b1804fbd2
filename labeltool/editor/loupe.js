/** The loupe: the photo under a joint, magnified, in a corner of the stage while the joint is dragged; never under the pointer. */

import { SIDE_COLOURS } from "./colours.js";
import { el } from "./dom.js";
import { drawPhoto } from "./draw.js";
import { MAX_SCALE } from "./geometry.js";

/** @import {Side} from "./colours.js" */
/** @import {ReadyPhoto} from "./photos.js" */
/** @import {Tiles} from "./tiles.js" */
/** @import {View} from "./types.js" */

/** The side of the loupe, and how far it stays from the edges and the pointer, in CSS pixels. */
export const SIDE = 176;
export const AWAY = 12;

/**
 * The view of the loupe: three times the stage's scale, at least two screen pixels to a photo pixel, the joint in the middle.
 * @param {number} scale the stage's scale @param {number} x @param {number} y joint coordinates @returns {View}
 */
export function loupeView(scale, x, y) {
  const large = Math.min(Math.max(scale * 3, 2), Math.max(MAX_SCALE, scale));
  return { scale: large, tx: SIDE / 2 - (x + 0.5) * large, ty: SIDE / 2 - (y + 0.5) * large };
}

/**
 * The corner for the loupe: where it is, unless the pointer comes near.
 * @param {"left" | "right"} now @param {number} sx @param {number} sy the pointer, CSS pixels of the stage @param {number} width of the stage
 * @returns {"left" | "right"}
 */
export function cornerFor(now, sx, sy, width) {
  const near = SIDE + 4 * AWAY;
  if (sy > near) return now;
  if (now === "left") return sx < near ? "right" : "left";
  return sx > width - near ? "left" : "right";
}

export class Loupe {
  /** @type {"left" | "right"} */
  #corner = "left";

  constructor() {
    this.canvas = el("canvas", {});
    this.element = el("div", { class: "loupe", "aria-hidden": true, hidden: true }, this.canvas);
    this.element.style.cssText = `width:${SIDE}px;height:${SIDE}px`;
  }

  /**
   * Shows the photo about a joint.
   * @param {ReadyPhoto} photo @param {Tiles | null} tiles @param {number} scale the stage's @param {number} x @param {number} y joint coordinates
   * @param {Side} side @param {readonly [number, number]} pointer CSS pixels of the stage @param {number} width of the stage
   */
  show(photo, tiles, scale, x, y, side, pointer, width) {
    const pixels = Math.round(SIDE * devicePixelRatio);
    if (this.canvas.width !== pixels) this.canvas.width = this.canvas.height = pixels;
    const ctx = this.canvas.getContext("2d");
    if (!ctx) return;
    ctx.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    ctx.fillStyle = "#1c1e22";
    ctx.fillRect(0, 0, SIDE, SIDE);
    drawPhoto(ctx, photo, tiles, loupeView(scale, x, y), { width: SIDE, height: SIDE }, devicePixelRatio);
    cross(ctx, SIDE_COLOURS[side]);
    const corner = cornerFor(this.#corner, pointer[0], pointer[1], width);
    if (corner !== this.#corner || this.element.hidden) {
      this.#corner = corner;
      this.element.style.left = corner === "left" ? `${AWAY}px` : "auto";
      this.element.style.right = corner === "right" ? `${AWAY}px` : "auto";
      this.element.hidden = false;
    }
  }

  hide() {
    if (!this.element.hidden) this.element.hidden = true;
  }
}

/** A cross that leaves the middle free: what lies there is what matters. @param {CanvasRenderingContext2D} ctx @param {string} colour */
function cross(ctx, colour) {
  const middle = SIDE / 2;
  ctx.beginPath();
  for (const [dx, dy] of /** @type {const} */ ([[1, 0], [-1, 0], [0, 1], [0, -1]])) {
    ctx.moveTo(middle + dx * 7, middle + dy * 7);
    ctx.lineTo(middle + dx * 46, middle + dy * 46);
  }
  ctx.strokeStyle = "rgba(8, 10, 14, 0.8)";
  ctx.lineWidth = 4;
  ctx.stroke();
  ctx.strokeStyle = colour;
  ctx.lineWidth = 1.5;
  ctx.stroke();
  ctx.fillStyle = colour;
  ctx.fillRect(middle - 0.75, middle - 0.75, 1.5, 1.5);
}
