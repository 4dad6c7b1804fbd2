/** Edits of whole people: new ones, their boxes, moved, deleted, pre-filled, copied. As pure as those of single joints. */

import { changeOf, isLocked, jointOf, personOf, placeOf, surenessOf } from "./edits.js";
import { extent } from "./geometry.js";
import { newPersonId } from "./saves.js";

/** @import {Box, Change, Edit, ImageDoc, ImageRecord, Joint, Joints, Person, Size, Skeleton} from "./types.js" */

/** @typedef {Readonly<Record<string, Readonly<{x: number, y: number, confidence: number, below?: number}>>>} Guess a model's joints */

/** A box of fewer photo pixels than this in a direction holds nobody: a slip of the hand. */
const LEAST_BOX = 3;

/** What a box fitted to joints keeps free around them, as a part of their longer side: heads and feet reach beyond joints. */
const MARGIN = 0.1;

/** Boxes a labeller makes are kept to a thousandth of a pixel. */
const STEPS = 1000;

/**
 * The box inside the photo; null when too little of it is.
 * @param {Box} box xywh, edge coordinates; w and h may be negative (drawn from right to left) @param {Size} photo @returns {Box | null}
 */
export function boxInPhoto([x, y, w, h], photo) {
  const inside = (/** @type {number} */ at, /** @type {number} */ end) => Math.round(Math.min(Math.max(at, 0), end) * STEPS) / STEPS;
  const [left, right] = [inside(Math.min(x, x + w), photo.width), inside(Math.max(x, x + w), photo.width)];
  const [top, bottom] = [inside(Math.min(y, y + h), photo.height), inside(Math.max(y, y + h), photo.height)];
  const size = (/** @type {number} */ a, /** @type {number} */ b) => Math.round((b - a) * STEPS) / STEPS;
  if (right - left < Math.min(LEAST_BOX, photo.width) || bottom - top < Math.min(LEAST_BOX, photo.height)) return null;
  return [left, top, size(left, right), size(top, bottom)];
}

/**
 * A new person in a box, without joints; null when the box holds nobody.
 * @param {ImageDoc} doc @param {Skeleton} skeleton @param {number} id @param {Box} box @returns {Edit | null}
 */
export function addPerson(doc, skeleton, id, box) {
  const inside = boxInPhoto(box, doc.image);
  return inside && create("add", "new person", [newPerson(doc.image, id, inside, noJoints(skeleton))]);
}

/**
 * A person's box changed; the joints stay where they are. Null when nothing changes or the box would hold nobody.
 * @param {ImageDoc} doc @param {number} id @param {Box} box @returns {Edit | null}
 */
export function setBox(doc, id, box) {
  return boxed(doc, id, box, "box", "change box");
}

/**
 * A person's box laid around the labelled joints, with a margin of a tenth of their longer side; null when there are none.
 * @param {ImageDoc} doc @param {number} id @returns {Edit | null}
 */
export function fitBox(doc, id) {
  const box = boxAround(personOf(doc, id).joints);
  return box && boxed(doc, id, box, "fit_box", "fit box to joints");
}

/**
 * Every labelled joint moved by the same way, as far as the photo reaches. Joints that lie outside it do not hold back the others.
 * Predictions stay predictions: to move a person as a whole is no word on each of the joints.
 * @param {ImageDoc} doc @param {number} id @param {number} dx @param {number} dy image pixels @returns {Edit | null}
 */
export function moveAll(doc, id, dx, dy) {
  const person = personOf(doc, id);
  const names = Object.keys(person.joints).filter((name) => jointOf(person, name).v > 0);
  const { width, height } = doc.image;
  const within = (/** @type {number} */ by, /** @type {number[]} */ places, /** @type {number} */ end) => {
    const inside = places.filter((place) => place >= 0 && place <= end);
    if (!inside.length) return by;
    return Math.min(Math.max(by, -Math.min(...inside)), end - Math.max(...inside));
  };
  const all = names.map((name) => jointOf(person, name));
  const [mx, my] = [within(dx, all.map((j) => j.x), width - 1), within(dy, all.map((j) => j.y), height - 1)];
  /** @type {Record<string, Joint>} */
  const joints = {};
  for (const name of names) {
    const { x, y, v, source } = jointOf(person, name);
    joints[name] = { ...rounded(x + mx, y + my), v, source: source === "predicted" ? source : "moved" };
  }
  const change = isLocked(person) || (mx === 0 && my === 0) ? null : changeOf(person, { joints });
  return change && { action: "move_all", label: "move person", changes: [change] };
}

/**
 * A person deleted (a record stays) or brought back.
 * @param {ImageDoc} doc @param {number} id @param {boolean} deleted @returns {Edit | null}
 */
export function setDeleted(doc, id, deleted) {
  const person = personOf(doc, id);
  const change = person.crowd ? null : changeOf(person, { deleted });
  return change && { action: deleted ? "delete" : "restore", label: `${deleted ? "delete" : "restore"} person`, changes: [change] };
}

/**
 * A model's joints laid on a person as predictions. Joints that are a human's word stay, unless `all` is asked for; earlier
 * predictions that the model says nothing about go.
 * @param {ImageDoc} doc @param {number} id @param {Skeleton} skeleton @param {Guess} guess @param {boolean} all
 * @returns {Edit | null}
 */
export function prefill(doc, id, skeleton, guess, all) {
  const person = personOf(doc, id);
  /** @type {Record<string, Joint>} */
  const joints = {};
  for (const name of skeleton.joints) {
    const before = jointOf(person, name);
    const found = guess[name];
    if (isHuman(before) && !(all && found)) continue;
    if (found) joints[name] = { ...placeOf(found.x, found.y, doc.image), v: 2, source: "predicted", ...surenessOf(found) };
    else if (before.v > 0) joints[name] = { x: 0, y: 0, v: 0, source: "predicted", confidence: null };
  }
  const change = isLocked(person) ? null : changeOf(person, { joints });
  return change && { action: "prefill", label: all ? "pre-fill all joints" : "pre-fill", changes: [change] };
}

/**
 * Another image's people brought into this one. Nobody has looked at them here yet: their joints arrive as predictions without
 * a confidence, unsure until a labeller has looked. Crowds and deleted people are left out.
 * @param {ImageDoc} doc @param {ImageDoc} from @param {Skeleton} skeleton @param {() => number} [nextId] @returns {Edit | null}
 */
export function copyPeople(doc, from, skeleton, nextId = newPersonId) {
  const people = from.people.filter((person) => !isLocked(person)).flatMap((person) => {
    const box = person.box ?? boxAround(person.joints);
    const inside = box && boxInPhoto(box, doc.image);
    return inside ? [newPerson(doc.image, nextId(), inside, copied(person, skeleton, doc.image))] : [];
  });
  return people.length ? create("copy", people.length === 1 ? "copy 1 person" : `copy ${people.length} people`, people) : null;
}

/**
 * Is this joint a human's word: a label that is no mere prediction, or a removal?
 * @param {Joint} joint
 */
export function isHuman(joint) {
  return joint.source === "removed" || (joint.v > 0 && joint.source !== "predicted");
}

/** @param {string} action @param {string} label @param {readonly Person[]} created @returns {Edit} */
function create(action, label, created) {
  const changes = created.map(({ id }) => /** @type {Change} */ ({ person: id, before: { deleted: true }, after: { deleted: false } }));
  return { action, label, changes, created };
}

/** @param {ImageRecord} image @param {number} id @param {Box} box @param {Joints} joints @returns {Person} */
function newPerson(image, id, box, joints) {
  return { id, image_id: image.id, revision: 0, box, joints, crowd: false, deleted: true };
}

/** @param {Skeleton} skeleton @returns {Joints} */
function noJoints(skeleton) {
  return Object.fromEntries(skeleton.joints.map((name) => [name, { x: 0, y: 0, v: 0, source: "added", confidence: null }]));
}

/** @param {Person} person @param {Skeleton} skeleton @param {Size} photo @returns {Joints} */
function copied(person, skeleton, photo) {
  const joints = { ...noJoints(skeleton) };
  for (const name of skeleton.joints) {
    const { x, y, v } = jointOf(person, name);
    if (v > 0) joints[name] = { ...placeOf(x, y, photo), v, source: "predicted", confidence: null };
  }
  return joints;
}

/** @param {Joints} joints @returns {Box | null} */
function boxAround(joints) {
  const tight = extent(joints, null);
  if (!tight) return null;
  const [x, y, w, h] = tight;
  const margin = Math.max(w, h, LEAST_BOX) * MARGIN;
  return [x - margin, y - margin, w + 2 * margin, h + 2 * margin];
}

/** @param {ImageDoc} doc @param {number} id @param {Box} box @param {string} action @param {string} label @returns {Edit | null} */
function boxed(doc, id, box, action, label) {
  const person = personOf(doc, id);
  const inside = boxInPhoto(box, doc.image);
  const change = inside && !isLocked(person) ? changeOf(person, { box: inside }) : null;
  return change && { action, label, changes: [change] };
}

/** @param {number} x @param {number} y */
function rounded(x, y) {
  return { x: Math.round(x * STEPS) / STEPS, y: Math.round(y * STEPS) / STEPS };
}
