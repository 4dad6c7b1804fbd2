/**
 * Saves as data: what waits in the outbox, what a page shows while it waits, and what becomes of it when somebody else saved
 * the same person first. Pure functions; nothing here sends or stores.
 */

import { applyPatch, difference, jointOf, sameJoint, valueOf } from "./edits.js";

/** @import {Box, ImageDoc, Joint, JointValue, Joints, Patch, Person, Status} from "./types.js" */

/**
 * `order` says where a save stands among those of its tab; `base` is the revision that a save of a person starts from. The
 * outbox sets both. `before` is what the edit's fields held before it: with it, three versions can be compared.
 *
 * @typedef {{
 *   kind: "person", editId: string, imageId: number, person: number, patch: Patch, before?: Patch, action: string,
 *   activeSeconds: number, base?: number, order?: number,
 * }} PersonSave
 * @typedef {{
 *   kind: "create", editId: string, imageId: number, person: number, box: Box, joints: Readonly<Record<string, JointValue>>,
 *   action: string, activeSeconds: number, base?: number, order?: number,
 * }} CreateSave `person` is a negative number that stands for the new person until the server has named it.
 * @typedef {{
 *   kind: "status", editId: string, imageId: number, status: Status, reason?: string | null, base?: number, order?: number,
 * }} StatusSave
 * @typedef {PersonSave | CreateSave | StatusSave} Save
 *
 * @typedef {Readonly<{what: string, mine: unknown, theirs: unknown, both: boolean}>} Difference
 *   One field in which two versions differ: a joint's name, "box" or "person" (whether it is deleted). `both` says that both
 *   changed it; otherwise only this labeller did.
 * @typedef {Readonly<{base: Person, mine: Person, theirs: Person}>} ThreeWay
 *   The version that the first waiting save started from, what the waiting saves make of the other one, and the other one.
 */

/** A name for an edit that no other edit has; works on pages without HTTPS, where `crypto.randomUUID` is missing. */
export function newEditId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * A number for a new person until the server gives one: negative, and not the same in two tabs, nor before and after a reload,
 * since saves under either may wait together.
 */
export function newPersonId() {
  const [high = 0, low = 0] = crypto.getRandomValues(new Uint32Array(2));
  return -((high % 0x100000) * 0x100000000 + low) - 1;
}

/**
 * Is this a save of that person?
 * @param {Save} save @param {number} person
 */
export function isOf(save, person) {
  return save.kind !== "status" && save.person === person;
}

/**
 * The image as a labeller sees it: the server's version with the waiting saves on top, in order.
 * @param {ImageDoc} doc @param {readonly Save[]} saves of any images
 * @returns {ImageDoc}
 */
export function withSaves(doc, saves) {
  let next = doc;
  for (const save of saves) {
    if (save.imageId !== doc.image.id) continue;
    const known = save.kind !== "status" && next.people.some((p) => p.id === save.person);
    if (save.kind === "status") next = { ...next, image: { ...next.image, status: save.status } };
    else if (save.kind === "create") next = known ? next : { ...next, people: [...next.people, createdPerson(save)] };
    else if (known) next = applyPatch(next, save.person, save.patch);
  }
  return next;
}

/**
 * The person that a waiting `create` stands for.
 * @param {CreateSave} save @returns {Person}
 */
export function createdPerson(save) {
  const { person: id, imageId: image_id, box, joints } = save;
  return { id, image_id, revision: 0, box, joints, crowd: false, deleted: false };
}

/**
 * A person with waiting saves on top. An edit of a person was made while it was there: whoever deleted it since is overruled.
 * @param {Person} person @param {readonly Save[]} saves those of this person, in order
 * @returns {Person}
 */
export function rebased(person, saves) {
  let next = person;
  for (const save of saves) if (save.kind === "person") next = patched({ ...next, deleted: false }, save.patch);
  return next;
}

/**
 * The three versions of a person whose save came too late.
 * @param {readonly Save[]} saves of this person, in order; the first is the one that was refused
 * @param {Person} current the server's version
 * @param {Person | null} offered the version that the refused save started from with its changes, as the server answers
 * @returns {ThreeWay}
 */
export function threeWay(saves, current, offered) {
  const [first] = saves;
  const before = first?.kind === "person" ? first.before : undefined;
  const mine = rebased(current, saves);
  // Without the version before, every field of the waiting saves counts as changed by both.
  const base = offered && before ? patched(offered, before) : null;
  return { base: base ?? unknownBase(current, saves), mine, theirs: current };
}

/**
 * The fields in which the labeller's version differs from the other one.
 * @param {ThreeWay} versions @param {readonly string[]} [names] the joints, in the order wanted
 * @returns {Difference[]}
 */
export function differences({ base, mine, theirs }, names = Object.keys(theirs.joints)) {
  /** @type {Difference[]} */
  const found = [];
  for (const what of names) {
    const [b, m, t] = [jointOf(base, what), jointOf(mine, what), jointOf(theirs, what)];
    if (!sameJoint(m, t)) found.push({ what, mine: m, theirs: t, both: !sameJoint(b, t) });
  }
  if (!sameBox(mine.box, theirs.box)) found.push({ what: "box", mine: mine.box, theirs: theirs.box, both: !sameBox(base.box, theirs.box) });
  if (mine.deleted !== theirs.deleted) found.push({ what: "person", mine: mine.deleted, theirs: theirs.deleted, both: true });
  return found;
}

/**
 * What only the other labeller changed: joints, "box", "person".
 * @param {ThreeWay} versions
 */
export function changedByThem({ base, mine, theirs }) {
  const joints = Object.keys(theirs.joints).filter((name) => {
    const [b, m, t] = [jointOf(base, name), jointOf(mine, name), jointOf(theirs, name)];
    return sameJoint(m, t) && !sameJoint(b, t);
  });
  const box = sameBox(mine.box, theirs.box) && !sameBox(base.box, theirs.box) ? ["box"] : [];
  return [...joints, ...box];
}

/**
 * Do the two sets of changes leave each other alone?
 * @param {ThreeWay} versions
 */
export function canMerge(versions) {
  return !differences(versions).some((d) => d.both);
}

/**
 * The version that a labeller puts together of two.
 * @param {ThreeWay} versions @param {(what: string) => "mine" | "theirs"} choose for each field in which they differ
 * @returns {Person}
 */
export function chosen(versions, choose) {
  const { mine, theirs } = versions;
  /** @type {Record<string, Joint>} */
  const joints = { ...theirs.joints };
  let { box, deleted } = theirs;
  for (const { what } of differences(versions)) {
    if (choose(what) === "theirs") continue;
    if (what === "box") box = mine.box;
    else if (what === "person") deleted = mine.deleted;
    else joints[what] = jointOf(mine, what);
  }
  return { ...theirs, joints, box, deleted };
}

/**
 * The saves of a person, each starting from the revision that the one before it makes.
 * @param {readonly Save[]} saves @param {number} revision @returns {Save[]}
 */
export function startingFrom(saves, revision) {
  return saves.map((save, i) => ({ ...save, base: revision + i }));
}

/**
 * One save of everything that a labeller wants otherwise than the server has it; null when that is nothing.
 * @param {Person} theirs @param {Person} wanted @param {{editId: string, action: string, activeSeconds: number}} rest
 * @returns {PersonSave | null}
 */
export function resolution(theirs, wanted, rest) {
  const patch = difference(theirs, wanted);
  const before = difference(wanted, theirs);
  if (!patch || !before) return null;
  return { kind: "person", imageId: theirs.image_id, person: theirs.id, patch, before, ...rest };
}

/** @param {Person} person @param {Patch} patch @returns {Person} */
function patched(person, patch) {
  const doc = /** @type {any} */ ({ image: { id: person.image_id }, people: [person] });
  return /** @type {Person} */ (applyPatch(doc, person.id, patch).people[0]);
}

/** @param {Person} current @param {readonly Save[]} saves @returns {Person} */
function unknownBase(current, saves) {
  /** @type {Record<string, Joint>} */
  const joints = { ...current.joints };
  /** @type {Box | null} */
  let box = current.box;
  for (const save of saves) {
    if (save.kind !== "person") continue;
    for (const name of Object.keys(save.patch.joints ?? {})) joints[name] = { ...valueOf(jointOf(current, name)), x: NaN };
    if (save.patch.box !== undefined) box = [NaN, NaN, NaN, NaN];
  }
  return { ...current, joints: /** @type {Joints} */ (joints), box };
}

/** @param {Box | null} a @param {Box | null} b */
function sameBox(a, b) {
  return a === b || (a !== null && b !== null && a.every((value, i) => value === b[i]));
}
