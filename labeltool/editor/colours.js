/** The colours of joints: the person's left and right differ, for colour-blind eyes too (Okabe & Ito 2008). */

import { unsureBelow } from "./unsure.js";

/** @import {Joint, Skeleton} from "./types.js" */

/** @typedef {"left" | "right" | "middle"} Side */

/** @type {Readonly<Record<Side, string>>} */
export const SIDE_COLOURS = { left: "#56b4e9", right: "#f0a31e", middle: "#f2f2ee" };

export const HALO = "rgba(8, 10, 14, 0.72)";
export const THEIRS = "#e58cc0";

/**
 * How much a joint asks to be looked at. Told apart by shape alone: no ring, a dashed ring, two of them.
 * @typedef {"label" | "sure" | "unsure" | "doubtful"} Band
 */

/**
 * The band of a joint: what nobody predicted is a label; below the confidence at which a prediction counts as unsure, half of it
 * parts the unsure from the doubtful. A prediction without a confidence is unsure.
 * @param {Joint} joint @returns {Band}
 */
export function bandOf(joint) {
  if (joint.source !== "predicted") return "label";
  const below = unsureBelow(joint);
  const confidence = joint.confidence ?? below / 2;
  if (confidence >= below) return "sure";
  return confidence >= below / 2 ? "unsure" : "doubtful";
}

/**
 * The side of each joint, by the skeleton's flip pairs.
 * @param {Skeleton} skeleton @returns {Map<string, Side>}
 */
export function sidesOf(skeleton) {
  /** @type {Map<string, Side>} */
  const sides = new Map(skeleton.joints.map((name) => [name, "middle"]));
  for (const [left, right] of skeleton.flip_pairs) sides.set(left, "left").set(right, "right");
  return sides;
}

/**
 * The side of a limb: that of its joints where they agree.
 * @param {Map<string, Side>} sides @param {string} from @param {string} to @returns {Side}
 */
export function limbSide(sides, from, to) {
  const [a, b] = [sides.get(from) ?? "middle", sides.get(to) ?? "middle"];
  if (a === b) return a;
  return a === "middle" ? b : b === "middle" ? a : "middle";
}
