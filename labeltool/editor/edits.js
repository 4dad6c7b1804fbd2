/**
 * Edits: what a labeller did, as data. Every function here is pure; an edit holds the fields it changes before and after, so
 * that it can be applied, undone, redone and sent, each by the same few functions.
 */

import { clampToPhoto } from "./geometry.js";

/** @import {Box, Change, Edit, Flag, ImageDoc, ImageRecord, Joint, JointValue, Patch, Person, Size, Skeleton, Source, Status, StatusChange} from "./types.js" */

/** Places a labeller makes are kept to a thousandth of a pixel. */
const STEPS = 1000;

/**
 * The person of that id.
 * @param {ImageDoc} doc @param {number} id @returns {Person}
 */
export function personOf(doc, id) {
  const person = doc.people.find((p) => p.id === id);
  if (!person) throw new Error(`person ${id}: not in image ${doc.image.id}`);
  return person;
}

/**
 * The joint of that name; a joint the person lacks is not labelled.
 * @param {Person} person @param {string} name @returns {Joint}
 */
export function jointOf(person, name) {
  return person.joints[name] ?? { x: 0, y: 0, v: 0, source: "imported" };
}

/**
 * The source of a joint once a labeller has changed its place or flag; the store decides the same for joints given without one.
 * @param {JointValue} before @param {Pick<JointValue, "x" | "y" | "v">} after @returns {Source}
 */
export function sourceAfter(before, after) {
  if (after.v === 0) return before.v === 0 ? before.source : "removed";
  return before.v === 0 ? "added" : "moved";
}

/**
 * The document with a patch laid on one person; everything else is the same object as before.
 * @param {ImageDoc} doc @param {number} id @param {Patch} patch @returns {ImageDoc}
 */
export function applyPatch(doc, id, patch) {
  personOf(doc, id);
  return { ...doc, people: doc.people.map((p) => (p.id === id ? patched(p, patch) : p)) };
}

/**
 * The document after an edit.
 * @param {ImageDoc} doc @param {Edit} edit @returns {ImageDoc}
 */
export function applyEdit(doc, edit) {
  const fresh = newPeople(doc, edit);
  let next = fresh.length ? { ...doc, people: [...doc.people, ...fresh] } : doc;
  for (const change of edit.changes) next = applyPatch(next, change.person, change.after);
  if (edit.status) next = { ...next, image: { ...next.image, status: edit.status.after, reason: edit.status.reason?.after ?? null } };
  return next;
}

/**
 * The people that an edit brings into the document: those of its new ones that are not there yet.
 * @param {ImageDoc} doc @param {Edit} edit @returns {readonly Person[]}
 */
export function newPeople(doc, edit) {
  return (edit.created ?? []).filter((person) => !doc.people.some((p) => p.id === person.id));
}

/**
 * The edit that takes an edit back.
 * @param {Edit} edit @returns {Edit}
 */
export function inverse(edit) {
  const changes = edit.changes.map((c) => ({ person: c.person, before: c.after, after: c.before })).reverse();
  const status = edit.status && turned(edit.status);
  return { action: edit.action, label: edit.label, changes, ...(status && { status }) };
}

/** @param {StatusChange} change @returns {StatusChange} */
function turned({ before, after, reason }) {
  return { before: after, after: before, ...(reason && { reason: { before: reason.after, after: reason.before } }) };
}

/**
 * The patch that turns one version of a person into another; null when they do not differ.
 * @param {Person} from @param {Person} to @returns {Patch | null}
 */
export function difference(from, to) {
  /** @type {Record<string, Joint>} */
  const joints = {};
  for (const name of new Set([...Object.keys(from.joints), ...Object.keys(to.joints)])) {
    const [a, b] = [jointOf(from, name), jointOf(to, name)];
    if (sameJoint(a, b)) continue;
    joints[name] = (a.confidence ?? null) === (b.confidence ?? null) ? valueOf(b) : { ...valueOf(b), ...surenessOf(b) };
  }
  /** @type {{joints?: Record<string, Joint>, box?: Box | null, deleted?: boolean}} */
  const patch = {};
  if (Object.keys(joints).length) patch.joints = joints;
  if (!sameBox(from.box, to.box)) patch.box = to.box;
  if (from.deleted !== to.deleted) patch.deleted = to.deleted;
  return Object.keys(patch).length ? patch : null;
}

/**
 * A joint moved to a place, held inside the photo; null when nothing changes.
 * @param {ImageDoc} doc @param {number} id @param {string} name @param {number} x @param {number} y @returns {Edit | null}
 */
export function moveJoint(doc, id, name, x, y) {
  const person = personOf(doc, id);
  const before = jointOf(person, name);
  if (before.v === 0 || isLocked(person)) return null;
  const place = placeOf(x, y, doc.image);
  // A coordinate that nobody moved keeps every digit it came with.
  const kept = { ...(x === before.x && { x }), ...(y === before.y && { y }) };
  return ofJoints("move", `move ${say(name)}`, person, { [name]: { ...place, ...kept, v: before.v } });
}

/**
 * A joint moved by whole pixels.
 * @param {ImageDoc} doc @param {number} id @param {string} name @param {number} dx @param {number} dy @returns {Edit | null}
 */
export function nudgeJoint(doc, id, name, dx, dy) {
  const joint = jointOf(personOf(doc, id), name);
  return moveJoint(doc, id, name, joint.x + dx, joint.y + dy);
}

/**
 * A joint put where the labeller clicked, whether it was labelled or not.
 * @param {ImageDoc} doc @param {number} id @param {string} name @param {number} x @param {number} y @param {1 | 2} v
 * @returns {Edit | null}
 */
export function placeJoint(doc, id, name, x, y, v) {
  const person = personOf(doc, id);
  if (isLocked(person)) return null;
  return ofJoints("place", `place ${say(name)}`, person, { [name]: { ...placeOf(x, y, doc.image), v } });
}

/**
 * A joint's flag set; 0 takes its place away too. The flag that a prediction has already confirms it: the joint is accepted.
 * Null for a joint without a place (it must be placed first).
 * @param {ImageDoc} doc @param {number} id @param {string} name @param {Flag} v @returns {Edit | null}
 */
export function setFlag(doc, id, name, v) {
  const person = personOf(doc, id);
  const before = jointOf(person, name);
  if (before.v === 0 || isLocked(person)) return null;
  if (v === before.v && before.source === "predicted") return acceptJoints(person, [name], `accept ${say(name)}`);
  const after = v === 0 ? { x: 0, y: 0, v } : { x: before.x, y: before.y, v };
  const words = ["not labelled", "hidden", "visible"];
  return ofJoints(v === 0 ? "remove" : "flag", `${say(name)} ${words[v]}`, person, { [name]: after });
}

/**
 * The values of left and right joints exchanged: names change, places do not.
 * @param {ImageDoc} doc @param {number} id @param {Skeleton} skeleton @param {string | null} name one pair, or null for all
 * @returns {Edit | null}
 */
export function swapSides(doc, id, skeleton, name) {
  const person = personOf(doc, id);
  if (isLocked(person)) return null;
  const pairs = skeleton.flip_pairs.filter((pair) => name === null || pair.includes(name));
  /** @type {Record<string, Pick<JointValue, "x" | "y" | "v">>} */
  const after = {};
  for (const [left, right] of pairs) {
    after[left] = jointOf(person, right);
    after[right] = jointOf(person, left);
  }
  const label = name === null ? "swap left and right" : `swap ${say(name)} with its pair`;
  return ofJoints(name === null ? "swap_all" : "swap", label, person, after);
}

/**
 * Every predicted joint of the given people accepted as it stands.
 * @param {ImageDoc} doc @param {readonly number[]} ids @returns {Edit | null}
 */
export function acceptPeople(doc, ids) {
  const people = ids.map((id) => personOf(doc, id)).filter((person) => !isLocked(person));
  const changes = people.flatMap((person) => acceptJoints(person, Object.keys(person.joints), "")?.changes ?? []);
  return changes.length ? { action: "accept", label: changes.length > 1 ? "accept people" : "accept person", changes } : null;
}

/** @param {Person} person @param {readonly string[]} names @param {string} label @returns {Edit | null} */
function acceptJoints(person, names, label) {
  /** @type {Record<string, JointValue>} */
  const joints = {};
  for (const name of names) {
    const joint = jointOf(person, name);
    if (joint.source === "predicted" && joint.v > 0) joints[name] = { ...valueOf(joint), source: "accepted" };
  }
  const change = changeOf(person, { joints });
  return change && { action: "accept", label, changes: [change] };
}

/**
 * The image handed in: what is still predicted becomes accepted, and the status changes, in one edit.
 * @param {ImageDoc} doc @param {Status} status @returns {Edit | null}
 */
export function submitImage(doc, status) {
  const accepted = status === "done" ? acceptPeople(doc, doc.people.map((p) => p.id)) : null;
  const changes = accepted ? accepted.changes : [];
  if (!changes.length && doc.image.status === status) return null;
  return { action: "submit", label: "submit image", changes, status: statusChange(doc.image, status) };
}

/**
 * The image left out of the work, with the reason why.
 * @param {ImageDoc} doc @param {string} reason @returns {Edit | null}
 */
export function skipImage(doc, reason) {
  if (doc.image.status === "skipped" && doc.image.reason === reason) return null;
  return { action: "skip", label: "skip image", changes: [], status: statusChange(doc.image, "skipped", reason) };
}

/**
 * An image's change of status, with the reasons of both.
 * @param {ImageRecord} image @param {Status} after @param {string | null} [reason] @returns {StatusChange}
 */
export function statusChange(image, after, reason = null) {
  return { before: image.status, after, reason: { before: image.reason ?? null, after: reason } };
}

/**
 * May a labeller change this person? Crowd regions and deleted people are locked.
 * @param {Person} person
 */
export function isLocked(person) {
  return person.crowd || person.deleted;
}

/**
 * A joint's name as it is read out.
 * @param {string} name
 */
export function say(name) {
  return name.replaceAll("_", " ");
}

/** @param {JointValue} joint @returns {JointValue} */
export function valueOf(joint) {
  return { x: joint.x, y: joint.y, v: joint.v, source: joint.source };
}

/** @param {JointValue} a @param {JointValue} b */
export function sameJoint(a, b) {
  return a.x === b.x && a.y === b.y && a.v === b.v && a.source === b.source;
}

/** @param {Box | null} a @param {Box | null} b */
function sameBox(a, b) {
  return a === b || (a !== null && b !== null && a.every((value, i) => value === b[i]));
}

/**
 * How sure a model is of a joint, and below which confidence it would be unsure of it.
 * @param {{readonly confidence?: number | null, readonly below?: number} | undefined} joint @returns {{confidence: number | null, below?: number}}
 */
export function surenessOf(joint) {
  const confidence = joint?.confidence ?? null;
  return joint?.below === undefined ? { confidence } : { confidence, below: joint.below };
}

/**
 * The person with a patch laid on.
 * @param {Person} person @param {Patch} patch @returns {Person}
 */
export function patched(person, patch) {
  const joints = { ...person.joints };
  for (const [name, value] of Object.entries(patch.joints ?? {})) {
    joints[name] = { ...valueOf(value), ...surenessOf(value.confidence === undefined ? person.joints[name] : value) };
  }
  return {
    ...person,
    joints,
    box: patch.box === undefined ? person.box : patch.box,
    deleted: patch.deleted ?? person.deleted,
  };
}

/**
 * @param {string} action @param {string} label @param {Person} person
 * @param {Readonly<Record<string, Pick<JointValue, "x" | "y" | "v">>>} after
 * @returns {Edit | null}
 */
function ofJoints(action, label, person, after) {
  /** @type {Record<string, JointValue>} */
  const joints = {};
  for (const [name, { x, y, v }] of Object.entries(after)) {
    const before = jointOf(person, name);
    if (before.x === x && before.y === y && before.v === v) continue;
    joints[name] = { x, y, v, source: sourceAfter(before, { x, y, v }) };
  }
  const change = changeOf(person, { joints });
  return change && { action, label, changes: [change] };
}

/**
 * The change that a patch makes of a person; null when it makes none.
 * @param {Person} person @param {Patch} wanted @returns {Change | null}
 */
export function changeOf(person, wanted) {
  const after = difference(person, patched(person, wanted));
  if (!after) return null;
  const before = difference(patched(person, wanted), person);
  return before && { person: person.id, before, after };
}

/**
 * A place held inside the photo, to a thousandth of a pixel.
 * @param {number} x @param {number} y @param {Size} photo
 */
export function placeOf(x, y, photo) {
  const [px, py] = clampToPhoto(x, y, photo);
  return { x: Math.round(px * STEPS) / STEPS, y: Math.round(py * STEPS) / STEPS };
}
