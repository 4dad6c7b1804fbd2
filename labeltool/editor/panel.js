/** The panel beside the photo: the people of the image, those who were deleted, and the joints of the selected one. */

import { tooltip } from "./actions.js";
import { el, icon, setAttribute, setText } from "./dom.js";
import { isLocked } from "./edits.js";
import { JointList, legend } from "./jointlist.js";
import { MarkNote } from "./marks.js";
import { ModelPicker } from "./models.js";
import { isUnsure } from "./unsure.js";

/** @import {Commands} from "./actions.js" */
/** @import {IconName} from "./dom.js" */
/** @import {Session} from "./session.js" */
/** @import {Person} from "./types.js" */

export class Panel {
  #shownPeople = "";

  /** @param {Session} session @param {Commands} commands */
  constructor(session, commands) {
    this.session = session;
    const tool = (/** @type {string} */ id, /** @type {IconName} */ name, /** @type {() => void} */ run) =>
      el("button", { type: "button", class: "tool", title: tooltip(id), "aria-label": tooltip(id), onclick: run }, icon(name));
    const wide = (/** @type {string} */ id, /** @type {IconName} */ name, /** @type {string} */ text, /** @type {() => void} */ run) =>
      el("button", { type: "button", class: "tool wide", title: tooltip(id), onclick: run }, icon(name), text);
    this.count = el("span", { class: "count" });
    this.add = tool("new-person", "newPerson", () => commands.toggleBoxing());
    this.copy = tool("copy-previous", "copy", () => commands.copyPrevious());
    this.people = el("ul", { class: "people-list", "aria-label": "People" });
    this.deletedTitle = el("h3", { class: "deleted-title" });
    this.deleted = el("ul", { class: "people-list", "aria-label": "Deleted people" });

    this.title = el("h2", {}, "Joints");
    this.accept = wide("accept", "check", "Accept", () => commands.acceptPerson());
    this.prefill = wide("prefill", "prefill", "Pre-fill", () => commands.prefill(false));
    this.model = new ModelPicker(session);
    this.place = tool("place", "place", () => commands.togglePlacing());
    this.swapAll = tool("swap-all", "swap", () => commands.swap(true));
    this.fitBox = tool("fit-box", "fitBox", () => commands.fitBox());
    this.remove = tool("delete-person", "trash", () => commands.removePerson());
    this.list = new JointList(session);
    this.empty = el("p", { class: "empty" });
    this.marks = new MarkNote(session, commands);
    this.element = el(
      "aside",
      { class: "panel", "aria-label": "People and joints" },
      el("section", { class: "people-section" },
        el("div", { class: "head" }, el("h2", {}, "People"), this.count, el("span", { class: "tools" }, this.copy, this.add)),
        el("div", { class: "people-scroll" }, this.people, this.deletedTitle, this.deleted)),
      el("section", { class: "joints-section" },
        el("div", { class: "head" }, this.title, el("span", { class: "tools" }, this.place, this.swapAll, this.fitBox, this.remove)),
        el("div", { class: "help-row" }, this.accept, this.prefill, this.model.element),
        this.marks.element, ...this.list.elements, this.empty),
      legend(),
    );
  }

  render() {
    this.#renderPeople();
    this.#renderTools();
    this.list.render();
    this.marks.render();
    this.model.render();
  }

  /** Scrolls the selected person and joint into sight. */
  reveal() {
    const { joint } = this.session.selection;
    this.people.querySelector("[aria-pressed=true]")?.scrollIntoView({ block: "nearest" });
    if (joint !== null) this.list.reveal(joint);
  }

  #renderPeople() {
    const { session } = this;
    const people = session.doc?.people ?? [];
    const numbers = new Map(people.filter((p) => !p.crowd).map((p, i) => [p.id, i + 1]));
    const items = people.map((person) => ({
      person,
      label: person.crowd ? "Crowd region" : `Person ${numbers.get(person.id)}`,
      conflict: session.outbox.conflicts.has(person.id),
      what: session.outbox.conflicts.has(person.id) ? "conflict" : summary(person),
      pressed: person.id === session.selection.person ? "true" : "false",
    }));
    const signature = JSON.stringify(items.map(({ person, label, what, pressed }) => [person.id, label, what, pressed]));
    if (signature === this.#shownPeople) return;
    this.#shownPeople = signature;
    setText(this.count, String(people.filter((p) => !isLocked(p)).length));
    const there = items.filter(({ person }) => !person.deleted || person.crowd);
    const gone = items.filter(({ person }) => person.deleted && !person.crowd);
    const focused = this.#focused();
    this.people.replaceChildren(...there.map(({ person, label, conflict, what, pressed }) => {
      const attributes = { type: "button", class: "person", disabled: person.crowd, "aria-pressed": pressed, onclick: () => session.select(person.id, null) };
      const button = el("button", attributes, person.crowd ? icon("lock") : null, el("span", { class: "who" }, label), el("span", { class: "what" }, what));
      return el("li", { class: conflict ? "in-conflict" : null }, button);
    }));
    this.deleted.replaceChildren(...gone.map(({ person, label }) => {
      const attributes = { type: "button", class: "tool wide", "aria-label": `Restore ${label}`, onclick: () => session.removePerson(person.id, false) };
      return el("li", {}, el("span", { class: "person gone" }, el("span", { class: "who" }, label)), el("button", attributes, icon("restore"), "Restore"));
    }));
    this.deleted.hidden = this.deletedTitle.hidden = !gone.length;
    setText(this.deletedTitle, `Deleted (${gone.length})`);
    if (focused >= 0) this.#buttons()[focused]?.focus({ preventScroll: true });
  }

  #buttons() {
    return [...this.people.querySelectorAll("button"), ...this.deleted.querySelectorAll("button")];
  }

  /** The place of the focused button among those of the lists, -1 for none: the lists are made anew, the focus should stay. */
  #focused() {
    const root = /** @type {Document | ShadowRoot} */ (this.people.getRootNode());
    return root.activeElement ? this.#buttons().indexOf(/** @type {any} */ (root.activeElement)) : -1;
  }

  #renderTools() {
    const { person, doc, placing, boxing, predicting } = this.session;
    const locked = !person || isLocked(person);
    this.empty.hidden = person !== null;
    setText(this.empty, doc?.people.some((p) => !isLocked(p)) ? "Click a person to see the joints." : doc ? "Nobody is here yet. Draw a box around a person." : "");
    this.add.disabled = this.copy.disabled = !doc;
    for (const button of [this.place, this.swapAll, this.remove]) button.disabled = locked;
    this.fitBox.disabled = locked || !Object.values(person.joints).some((joint) => joint.v > 0);
    this.accept.disabled = locked || !Object.values(person.joints).some((joint) => joint.source === "predicted" && joint.v > 0);
    this.prefill.disabled = locked || predicting || person.blind === true || person.box === null;
    setAttribute(this.prefill, "aria-busy", predicting ? "true" : null);
    setAttribute(this.place, "aria-pressed", placing ? "true" : "false");
    setAttribute(this.add, "aria-pressed", boxing ? "true" : "false");
  }
}

/**
 * How far a person is: joints labelled, joints predicted, unsure ones among them.
 * @param {Person} person
 */
export function summary(person) {
  if (person.deleted) return "deleted";
  if (person.crowd) return "locked";
  const joints = Object.values(person.joints);
  const predicted = joints.filter((joint) => joint.source === "predicted" && joint.v > 0).length;
  const unsure = joints.filter(isUnsure).length;
  const labelled = joints.filter((joint) => joint.v > 0).length - predicted;
  const parts = [];
  if (labelled || !predicted) parts.push(labelled === 1 ? "1 joint" : `${labelled} joints`);
  if (predicted) parts.push(`${predicted} predicted`);
  if (unsure) parts.push(`${unsure} unsure`);
  if (person.blind) parts.push("blind");
  return parts.join(", ");
}
