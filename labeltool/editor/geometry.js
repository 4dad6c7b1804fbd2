/**
 * The maps between photo and screen, as pure functions.
 *
 * A joint lies at a pixel *centre* with integer coordinates, a box is measured at pixel *edges*: the joint (x, y) is drawn at
 * (x + 0.5, y + 0.5) of edge coordinates, and the photo covers [0, width] x [0, height] of them.
 */

/** @import {Box, Joints, Size, View} from "./types.js" */

/** How far the labeller may zoom in: screen pixels to a photo pixel. */
export const MAX_SCALE = 40;

/**
 * A joint's place on the screen.
 * @param {View} view @param {number} x @param {number} y joint coordinates
 * @returns {[number, number]} CSS pixels
 */
export function toScreen(view, x, y) {
  return [(x + 0.5) * view.scale + view.tx, (y + 0.5) * view.scale + view.ty];
}

/**
 * The joint coordinates of a place on the screen: the inverse of `toScreen`.
 * @param {View} view @param {number} sx @param {number} sy CSS pixels
 * @returns {[number, number]}
 */
export function toImage(view, sx, sy) {
  return [(sx - view.tx) / view.scale - 0.5, (sy - view.ty) / view.scale - 0.5];
}

/**
 * A box's place on the screen.
 * @param {View} view @param {Box} box @returns {[number, number, number, number]}
 */
export function boxToScreen(view, box) {
  return [box[0] * view.scale + view.tx, box[1] * view.scale + view.ty, box[2] * view.scale, box[3] * view.scale];
}

/**
 * The view that shows a rectangle of the photo whole and centred.
 * @param {Box} rect edge coordinates @param {Size} canvas CSS pixels @param {number} margin CSS pixels kept free on each side
 * @param {number} [maxScale]
 * @returns {View}
 */
export function fit(rect, canvas, margin, maxScale = MAX_SCALE) {
  const width = Math.max(rect[2], 1);
  const height = Math.max(rect[3], 1);
  const room = { width: Math.max(canvas.width - 2 * margin, 1), height: Math.max(canvas.height - 2 * margin, 1) };
  const scale = Math.min(room.width / width, room.height / height, maxScale);
  return {
    scale,
    tx: canvas.width / 2 - (rect[0] + rect[2] / 2) * scale,
    ty: canvas.height / 2 - (rect[1] + rect[3] / 2) * scale,
  };
}

/**
 * The view zoomed by a factor about a point of the screen, which stays where it is.
 * @param {View} view @param {number} sx @param {number} sy @param {number} factor @param {number} minScale
 * @returns {View}
 */
export function zoomAt(view, sx, sy, factor, minScale) {
  const scale = Math.min(Math.max(view.scale * factor, Math.min(minScale, view.scale)), Math.max(MAX_SCALE, view.scale));
  const ratio = scale / view.scale;
  return { scale, tx: sx - (sx - view.tx) * ratio, ty: sy - (sy - view.ty) * ratio };
}

/**
 * The view moved so that at least `keep` CSS pixels of the photo stay on the canvas in both directions.
 * @param {View} view @param {Size} photo @param {Size} canvas @param {number} [keep]
 * @returns {View}
 */
export function keepInSight(view, photo, canvas, keep = 60) {
  const hold = (/** @type {number} */ t, /** @type {number} */ length, /** @type {number} */ room) => {
    const margin = Math.min(keep, length, room);
    return Math.min(Math.max(t, margin - length), room - margin);
  };
  return {
    scale: view.scale,
    tx: hold(view.tx, photo.width * view.scale, canvas.width),
    ty: hold(view.ty, photo.height * view.scale, canvas.height),
  };
}

/**
 * The tight rectangle, in edge coordinates, about the labelled joints and the box of a person; null when there is neither.
 * @param {Joints} joints @param {Box | null} box @returns {Box | null}
 */
export function extent(joints, box) {
  let [left, top, right, bottom] = box ? [box[0], box[1], box[0] + box[2], box[1] + box[3]] : [Infinity, Infinity, -Infinity, -Infinity];
  for (const joint of Object.values(joints)) {
    if (joint.v === 0) continue;
    left = Math.min(left, joint.x + 0.5);
    top = Math.min(top, joint.y + 0.5);
    right = Math.max(right, joint.x + 0.5);
    bottom = Math.max(bottom, joint.y + 0.5);
  }
  return left <= right && top <= bottom ? [left, top, right - left, bottom - top] : null;
}

/**
 * The point held inside the photo: between the centres of its outermost pixels.
 * @param {number} x @param {number} y @param {Size} photo @returns {[number, number]}
 */
export function clampToPhoto(x, y, photo) {
  return [Math.min(Math.max(x, 0), photo.width - 1), Math.min(Math.max(y, 0), photo.height - 1)];
}

/**
 * The distance of a point to a segment.
 * @param {number} px @param {number} py @param {readonly [number, number]} a @param {readonly [number, number]} b
 */
export function distanceToSegment(px, py, a, b) {
  const dx = b[0] - a[0];
  const dy = b[1] - a[1];
  const length = dx * dx + dy * dy;
  const t = length === 0 ? 0 : Math.min(Math.max(((px - a[0]) * dx + (py - a[1]) * dy) / length, 0), 1);
  return Math.hypot(px - a[0] - t * dx, py - a[1] - t * dy);
}

/**
 * The view after two fingers moved: zoomed by how far they parted, and moved along with their middle.
 * @param {View} view
 * @param {readonly [number, number]} a @param {readonly [number, number]} b where they were, CSS pixels
 * @param {readonly [number, number]} c @param {readonly [number, number]} d where they are
 * @param {number} minScale
 * @returns {View}
 */
export function pinch(view, a, b, c, d, minScale) {
  const before = Math.max(Math.hypot(a[0] - b[0], a[1] - b[1]), 1);
  const after = Math.max(Math.hypot(c[0] - d[0], c[1] - d[1]), 1);
  const [mx, my] = [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
  const zoomed = zoomAt(view, mx, my, after / before, minScale);
  return { ...zoomed, tx: zoomed.tx + (c[0] + d[0]) / 2 - mx, ty: zoomed.ty + (c[1] + d[1]) / 2 - my };
}

/**
 * The edge coordinates of a place on the screen.
 * @param {View} view @param {number} sx @param {number} sy CSS pixels
 * @returns {[number, number]}
 */
export function toEdges(view, sx, sy) {
  return [(sx - view.tx) / view.scale, (sy - view.ty) / view.scale];
}

/** @typedef {"nw" | "n" | "ne" | "e" | "se" | "s" | "sw" | "w"} Handle A place on a box where it can be taken hold of. */

/**
 * A box' handles on the screen; of a small box only the corners, so that they do not lie on each other.
 * @param {View} view @param {Box} box @returns {{handle: Handle, x: number, y: number}[]}
 */
export function handlesOf(view, box) {
  const [x, y, w, h] = boxToScreen(view, box);
  /** @type {{handle: Handle, x: number, y: number}[]} */
  const handles = [
    { handle: "nw", x, y }, { handle: "ne", x: x + w, y }, { handle: "se", x: x + w, y: y + h }, { handle: "sw", x, y: y + h },
  ];
  if (w >= 60) handles.push({ handle: "n", x: x + w / 2, y }, { handle: "s", x: x + w / 2, y: y + h });
  if (h >= 60) handles.push({ handle: "w", x, y: y + h / 2 }, { handle: "e", x: x + w, y: y + h / 2 });
  return handles;
}

/**
 * A box after one of its handles was moved; the sides that the handle does not touch stay.
 * @param {Box} box @param {Handle} handle @param {number} dx @param {number} dy photo pixels
 * @returns {Box} its width and height are negative where the handle crossed the other side
 */
export function resizeBox([x, y, w, h], handle, dx, dy) {
  const left = handle.includes("w");
  const top = handle.includes("n");
  return [
    left ? x + dx : x,
    top ? y + dy : y,
    left ? w - dx : handle.includes("e") ? w + dx : w,
    top ? h - dy : handle.includes("s") ? h + dy : h,
  ];
}
