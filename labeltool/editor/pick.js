/** What lies under the pointer: joints within a radius in screen pixels, people by limb and box. */

import { boxToScreen, distanceToSegment, handlesOf, toScreen } from "./geometry.js";
import { isLocked, jointOf } from "./edits.js";

/** @import {Handle} from "./geometry.js" */
/** @import {Box, ImageDoc, JointRef, Person, Skeleton, View} from "./types.js" */

/** CSS pixels around a joint that count as the joint, whatever the zoom. */
export const JOINT_RADIUS = 11;

/** As many for a finger, which hides what is below it. */
export const TOUCH_RADIUS = 24;

const LIMB_RADIUS = 6;
const HANDLE_RADIUS = 8;

/**
 * The joint under a place on the screen; null when none is near. Joints of the selected person win, then the nearest does.
 * @param {ImageDoc} doc @param {View} view @param {number} sx @param {number} sy @param {number | null} selected
 * @param {number} [radius]
 * @returns {JointRef | null}
 */
export function pickJoint(doc, view, sx, sy, selected, radius = JOINT_RADIUS) {
  /** @type {JointRef | null} */
  let found = null;
  let best = radius;
  let own = false;
  for (const person of doc.people) {
    if (isLocked(person)) continue;
    const mine = person.id === selected;
    if (own && !mine) continue;
    for (const [name, joint] of Object.entries(person.joints)) {
      if (joint.v === 0) continue;
      const [x, y] = toScreen(view, joint.x, joint.y);
      const distance = Math.hypot(x - sx, y - sy);
      if (distance > radius || (distance > best && mine === own)) continue;
      found = { person: person.id, joint: name };
      best = distance;
      own = mine;
    }
  }
  return found;
}

/**
 * The person under a place on the screen: the one with the nearest limb, or else the smallest box around the place; null when
 * there is none.
 * @param {ImageDoc} doc @param {Skeleton} skeleton @param {View} view @param {number} sx @param {number} sy
 * @returns {number | null}
 */
export function pickPerson(doc, skeleton, view, sx, sy) {
  let found = null;
  let best = LIMB_RADIUS;
  for (const person of doc.people) {
    if (isLocked(person)) continue;
    const distance = limbDistance(person, skeleton, view, sx, sy);
    if (distance < best) [found, best] = [person.id, distance];
  }
  if (found !== null) return found;
  let smallest = Infinity;
  for (const person of doc.people) {
    if (isLocked(person) || !person.box) continue;
    const [x, y, w, h] = boxToScreen(view, person.box);
    const inside = sx >= x && sx <= x + w && sy >= y && sy <= y + h;
    if (inside && w * h < smallest) [found, smallest] = [person.id, w * h];
  }
  return found;
}

/** @param {Person} person @param {Skeleton} skeleton @param {View} view @param {number} sx @param {number} sy */
function limbDistance(person, skeleton, view, sx, sy) {
  let best = Infinity;
  for (const [from, to] of skeleton.limbs) {
    const [a, b] = [jointOf(person, from), jointOf(person, to)];
    if (a.v === 0 || b.v === 0) continue;
    best = Math.min(best, distanceToSegment(sx, sy, toScreen(view, a.x, a.y), toScreen(view, b.x, b.y)));
  }
  return best;
}

/**
 * Is this place on a person's skeleton: near one of the joints or limbs?
 * @param {Person} person @param {Skeleton} skeleton @param {View} view @param {number} sx @param {number} sy @param {number} radius
 */
export function onSkeleton(person, skeleton, view, sx, sy, radius) {
  if (limbDistance(person, skeleton, view, sx, sy) <= radius) return true;
  return Object.values(person.joints).some((joint) => {
    const [x, y] = toScreen(view, joint.x, joint.y);
    return joint.v > 0 && Math.hypot(x - sx, y - sy) <= radius;
  });
}

/**
 * The handle of a box under a place on the screen; null when none is near.
 * @param {Box} box @param {View} view @param {number} sx @param {number} sy @param {number} [radius]
 * @returns {Handle | null}
 */
export function pickHandle(box, view, sx, sy, radius = HANDLE_RADIUS) {
  let found = null;
  let best = radius;
  for (const { handle, x, y } of handlesOf(view, box)) {
    const distance = Math.hypot(x - sx, y - sy);
    if (distance <= best) [found, best] = [handle, distance];
  }
  return found;
}
