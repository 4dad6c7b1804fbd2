/** Marks: what suspects, audits and tags want looked at on the open image, why, and how a labeller says that it is right. */

import { tooltip } from "./actions.js";
import { el, icon, setText } from "./dom.js";
import { say } from "./edits.js";

/** @import {Commands} from "./actions.js" */
/** @import {Filter} from "./queue.js" */
/** @import {Session} from "./session.js" */
/** @import {ImageDoc, Mark} from "./types.js" */

/** Marks that are shown in words; the others are counted. */
const SHOWN = 3;

/**
 * Is this a mark of those that a filter shows: of its source, and of its kind where the filter names one?
 * @param {Mark} mark @param {Filter} filter
 */
export function isOfFilter(mark, filter) {
  return filter === `mark:${mark.source}` || filter === `mark:${mark.source}:${mark.kind}`;
}

/**
 * The open marks that concern a person: its own, and those of the image as a whole.
 * @param {ImageDoc | null} doc @param {number | null} person @returns {readonly Mark[]}
 */
export function marksOf(doc, person) {
  return (doc?.image.marks ?? []).filter((mark) => mark.person === null || mark.person === person);
}

/**
 * What a mark says: "suspects · limb: left knee, left ankle: 4.2 spreads longer than usual".
 * @param {Mark} mark
 */
export function wordsOf({ source, kind, note, joints }) {
  const stems = [...new Set(joints.map((name) => name.replace(/^(left|right)_/, "")))];
  const both = stems.every((stem) => joints.includes(`left_${stem}`) && joints.includes(`right_${stem}`));
  const which = joints.length && both ? `${stems.map(say).join(", ")} (both sides)` : joints.map(say).join(", ");
  const about = [which, note ?? ""].filter(Boolean).join(": ");
  return `${source} · ${kind}${about ? `: ${about}` : ""}`;
}

export class MarkNote {
  #shown = "";

  /** @param {Session} session @param {Commands} commands */
  constructor(session, commands) {
    this.session = session;
    this.lines = el("ul", {});
    this.right = el("button", { type: "button", class: "tool wide", title: tooltip("looked-at"), onclick: () => commands.lookedAt() }, icon("check"), "It is right");
    this.element = el("div", { class: "marks", role: "group", "aria-label": "Marked to be looked at", hidden: true }, this.lines, this.right);
  }

  render() {
    const { doc, selection } = this.session;
    const marks = marksOf(doc, selection.person);
    const signature = JSON.stringify(marks.map((mark) => mark.id));
    this.element.hidden = marks.length === 0;
    if (signature === this.#shown) return;
    this.#shown = signature;
    this.lines.replaceChildren(...marks.slice(0, SHOWN).map((mark) => {
      const joint = mark.joints[0] ?? null;
      const line = el("button", { type: "button", disabled: mark.person === null || joint === null, onclick: () => this.session.select(mark.person, joint) });
      setText(line, wordsOf(mark));
      return el("li", {}, line);
    }), ...(marks.length > SHOWN ? [el("li", {}, `and ${marks.length - SHOWN} more`)] : []));
  }
}
