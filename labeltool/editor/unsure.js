/** Which predicted joints a labeller must look at before they may become labels, and which of them were looked at. */

import { isLocked, jointOf } from "./edits.js";

/** @import {ImageDoc, Joint, JointRef, Skeleton} from "./types.js" */

/** A predicted joint below this confidence is unsure, where no audit has chosen another. The one place where the editor keeps this number. */
export const UNSURE_BELOW = 0.5;

/** The confidence below which a joint is unsure. @param {{readonly below?: number}} joint */
export function unsureBelow(joint) {
  return joint.below ?? UNSURE_BELOW;
}

/**
 * Is this joint a guess that nobody vouches for: a prediction of low confidence, or of none (copied from another image)?
 * @param {Joint} joint
 */
export function isUnsure(joint) {
  return joint.source === "predicted" && joint.v > 0 && (joint.confidence ?? 0) < unsureBelow(joint);
}

/**
 * The unsure joints of an image, person by person, in the skeleton's order.
 * @param {ImageDoc} doc @param {Skeleton} skeleton @returns {JointRef[]}
 */
export function unsureJoints(doc, skeleton) {
  const people = doc.people.filter((person) => !isLocked(person));
  return people.flatMap((person) =>
    skeleton.joints.filter((name) => isUnsure(jointOf(person, name))).map((joint) => ({ person: person.id, joint })),
  );
}

/**
 * The first of some joints that comes after a place in the image's order, going round at the end; null when there are none.
 * @param {readonly JointRef[]} refs in the image's order @param {ImageDoc} doc @param {Skeleton} skeleton
 * @param {Readonly<{person: number | null, joint: string | null}>} from
 * @returns {JointRef | null}
 */
export function nextAfter(refs, doc, skeleton, from) {
  const place = (/** @type {number | null} */ person, /** @type {string | null} */ joint) => [
    doc.people.findIndex((p) => p.id === person),
    joint === null ? -1 : skeleton.joints.indexOf(joint),
  ];
  const [person = -1, joint = -1] = place(from.person, from.joint);
  const later = refs.find((ref) => {
    const [p = -1, j = -1] = place(ref.person, ref.joint);
    return p > person || (p === person && j > joint);
  });
  return later ?? refs[0] ?? null;
}

/** The predictions that a labeller has looked at. One that moves (a new prediction) has to be looked at again. */
export class Seen {
  /** @type {Set<string>} */
  #keys = new Set();

  /** @param {ImageDoc} doc @param {number} person @param {string} joint */
  note(doc, person, joint) {
    const found = doc.people.find((p) => p.id === person);
    if (found) this.#keys.add(keyOf(doc, joint, jointOf(found, joint)));
  }

  /**
   * Notes that a person was looked at as a whole. That is enough for joints which no model has doubts about: those of a copy.
   * @param {ImageDoc} doc @param {number} person
   */
  notePerson(doc, person) {
    const joints = doc.people.find((p) => p.id === person)?.joints ?? {};
    for (const [name, joint] of Object.entries(joints)) if (isUnsure(joint) && joint.confidence == null) this.note(doc, person, name);
  }

  /** @param {ImageDoc} doc @param {JointRef} ref */
  has(doc, ref) {
    const found = doc.people.find((p) => p.id === ref.person);
    return found !== undefined && this.#keys.has(keyOf(doc, ref.joint, jointOf(found, ref.joint)));
  }
}

/** A guess is known by its image, name and place: the person's id may change when the server names a new person. @param {ImageDoc} doc @param {string} name @param {Joint} joint */
function keyOf(doc, name, joint) {
  return `${doc.image.id} ${name} ${joint.x} ${joint.y}`;
}
