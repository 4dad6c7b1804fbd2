/** The line below the photo: where the saves stand, where the pointer is, who is labelling. */

import { el, setAttribute, setText } from "./dom.js";

/** @import {OutboxState} from "./outbox.js" */
/** @import {Session} from "./session.js" */
/** @import {Stage} from "./stage.js" */

/** Why the page says that it keeps edits by itself alone. */
const FLEETING = "This browser lets the page store nothing (a private window, or a full disk). Edits that wait for the server are lost when the page is closed; it asks first.";

export class StatusLine {
  /** @param {Session} session @param {Stage} stage @param {() => void} onConflict */
  constructor(session, stage, onConflict) {
    this.session = session;
    this.stage = stage;
    this.light = el("span", { class: "light", "aria-hidden": true });
    this.text = el("span", { class: "save-text" });
    this.act = el("button", { type: "button", class: "link", hidden: true, onclick: () => this.#act(onConflict) });
    this.save = el("span", { class: "save", role: "status" }, this.light, this.text);
    this.fleeting = el("span", { class: "fleeting", title: FLEETING, hidden: true }, "Edits are kept in this page only");
    this.tools = el("span", { class: "line-tools" });
    this.where = el("span", { class: "where" });
    this.zoom = el("span", { class: "zoom" });
    this.user = el("span", { class: "user" });
    this.element = el("footer", { class: "status-line" }, this.save, this.act, this.fleeting, el("span", { class: "spacer" }), this.tools, this.where, this.zoom, this.user);
  }

  render() {
    const state = this.session.outbox.state;
    setText(this.text, describe(state));
    setAttribute(this.save, "data-state", state.state);
    this.fleeting.hidden = state.storage || !this.session.doc;
    this.act.hidden = state.state === "idle" || state.state === "saving";
    setText(this.act, state.state === "conflict" ? "Show" : "Try now");
    setText(this.user, this.session.project ? `Labelling as ${this.session.project.user}` : "");
  }

  renderPointer() {
    const at = this.stage.pointer;
    setText(this.where, at ? `x ${at[0].toFixed(1)}  y ${at[1].toFixed(1)}` : "");
    setText(this.zoom, this.session.doc ? `${Math.round(this.stage.view.scale * 100)} %` : "");
  }

  /** @param {() => void} onConflict */
  #act(onConflict) {
    if (this.session.outbox.state.state === "conflict") onConflict();
    else this.session.outbox.retry();
  }
}

/**
 * What the status line says about the saves.
 * @param {OutboxState} state
 */
export function describe({ state, waiting, savedAt, message }) {
  const edits = `${waiting === 1 ? "1 edit" : `${waiting} edits`} waiting`;
  if (state === "saving") return "Saving…";
  if (state === "conflict") return "Conflict: somebody else saved this person";
  if (state === "signed-out") return `Signed out (${edits}): open the server's link again`;
  if (state === "offline") return `Offline (${edits})${message ? `: ${message}` : ""}`;
  return savedAt === null ? "No changes" : `Saved at ${new Date(savedAt).toLocaleTimeString("en-GB")}`;
}
