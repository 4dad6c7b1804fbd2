/** The editor: a session put on the page, with its bar, stage, panel and status line, and the keys that drive it. */

import { Bar } from "./bar.js";
import { ConflictPanel } from "./conflicts.js";
import { HelpSheet, SkipDialog } from "./dialogs.js";
import { el, giveKeysBack, setAttribute, setText } from "./dom.js";
import { isLocked, jointOf, say } from "./edits.js";
import { GuidelinePanel } from "./guideline.js";
import { listenToKeys } from "./keyboard.js";
import { Panel, summary } from "./panel.js";
import { Stage } from "./stage.js";
import { StatusLine } from "./statusline.js";
import { isUnsure } from "./unsure.js";

/** @import {Commands} from "./actions.js" */
/** @import {PresetName} from "./presets.js" */
/** @import {Session, Topic} from "./session.js" */

/** How long a notice stays, in milliseconds. */
const NOTICE = 4000;

/** @implements {Commands} */
export class Editor {
  /** @type {(() => void)[]} */
  #undo = [];
  /** @type {Set<Topic>} */
  #dirty = new Set();
  #frame = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #noticeTimer;

  /**
   * @param {Session} session
   * @param {ParentNode & Node} parent where it goes
   * @param {(preset: PresetName) => void} [onPreset] the labeller wants the keys of another preset: the editor is to be made anew
   */
  constructor(session, parent, onPreset = () => {}) {
    this.session = session;
    this.stage = new Stage(session, () => this.line?.renderPointer());
    this.bar = new Bar(session, this, () => this.stage.canvas.focus());
    this.panel = new Panel(session, this);
    giveKeysBack(this.panel.model.element, () => this.stage.canvas.focus({ preventScroll: true }));
    this.conflict = new ConflictPanel(session, () => this.stage.canvas.focus());
    this.guideline = new GuidelinePanel(session.api, () => this.stage.canvas.focus());
    this.help = new HelpSheet(onPreset);
    this.skipping = new SkipDialog((reason) => session.skip(reason));
    /** @type {StatusLine} */
    this.line = new StatusLine(session, this.stage, () => this.conflict.show());
    this.line.tools.append(this.guideline.button);
    this.toast = el("div", { class: "toast", role: "status", hidden: true });
    this.spoken = el("div", { class: "sr-only", "aria-live": "polite" });
    this.stage.element.append(this.toast, this.conflict.element);
    this.element = el("div", { class: "lt" }, this.bar.element, this.guideline.element, this.stage.element, this.panel.element, this.line.element, this.spoken, this.help.element, this.skipping.element);
    parent.append(this.element);
    this.#listen();
    for (const topic of /** @type {Topic[]} */ (["queue", "image", "doc", "outbox"])) this.#changed(topic);
    this.stage.canvas.focus({ preventScroll: true });
  }

  dispose() {
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#noticeTimer);
    for (const undo of this.#undo) undo();
    this.stage.dispose();
    this.element.remove();
  }

  // --- the commands that actions are made of -------------------------------------------------------------------------------

  /** @param {1 | -1} step */
  goImage(step) {
    this.session.goImage(step);
  }

  /** @param {1 | -1} step */
  goUnfinished(step) {
    this.session.goUnfinished(step);
  }

  /** @param {1 | -1} step */
  goJoint(step) {
    this.session.goJoint(step);
    this.#tell();
  }

  /** @param {1 | -1} step */
  goPerson(step) {
    this.session.goPerson(step);
    this.#tell();
  }

  goUnsure() {
    this.session.goUnsure();
    this.#tell();
  }

  /** @param {0 | 1 | 2} v */
  flag(v) {
    this.session.flag(v);
    this.#tell();
  }

  /** @param {number} dx @param {number} dy */
  nudge(dx, dy) {
    this.session.nudge(dx, dy);
  }

  /** @param {boolean} all */
  swap(all) {
    this.session.swap(all);
  }

  removeJoint() {
    this.session.removeJoint();
  }

  removePerson() {
    this.session.removePerson();
  }

  acceptPerson() {
    this.session.acceptPerson();
    this.#tell();
  }

  submit() {
    this.session.submit();
    this.#tell();
  }

  /** Asks why, then skips. */
  skip() {
    this.session.commitPreview();
    if (this.session.doc) this.skipping.ask();
  }

  saveNow() {
    this.session.saveNow();
  }

  toggleBoxing() {
    this.session.setBoxing(!this.session.boxing);
  }

  fitBox() {
    this.session.fitBox();
  }

  /** @param {boolean} all */
  prefill(all) {
    void this.session.prefillPerson(all);
  }

  copyPrevious() {
    void this.session.copyPrevious();
  }

  findImage() {
    this.bar.finder.open();
  }

  fixImage() {
    if (this.session.doc) this.bar.fixing.open(this.session.doc.image);
  }

  lookedAt() {
    void this.session.lookedAt();
  }

  undo() {
    this.session.undo();
  }

  redo() {
    this.session.redo();
  }

  togglePlacing() {
    this.session.setPlacing(this.session.placing ? 0 : 2);
  }

  /** @param {boolean} whole */
  fitView(whole) {
    this.stage.fit(whole);
  }

  /** @param {boolean} hidden */
  hideOverlay(hidden) {
    this.stage.hide(hidden);
  }

  toggleGuideline() {
    if (this.guideline.button.hidden) this.session.say("This project has no guideline: `guideline` in project.toml names one.");
    else this.guideline.toggleByKey();
  }

  toggleAdjust() {
    const { adjust, canvas } = this.stage;
    adjust.toggle();
    if (!adjust.open) canvas.focus();
  }

  toggleBoxes() {
    const { adjust } = this.stage;
    adjust.set({ boxes: !adjust.look.boxes });
    this.session.say(adjust.look.boxes ? "Boxes are shown." : "Boxes are hidden.");
  }

  toggleHelp() {
    if (!this.skipping.open && !this.bar.modal) this.help.toggle();
  }

  /** Ends what is going on; with nothing going on, the focus leaves the canvas for the panel. */
  escape() {
    if (this.skipping.open) this.skipping.close();
    else if (this.bar.modal) this.bar.closeDialogs();
    else if (this.help.open) this.help.toggle();
    else if (this.stage.adjust.open) this.stage.adjust.close();
    else if (this.conflict.focused || this.guideline.focused) this.stage.canvas.focus();
    else if (this.session.dragging || this.session.preview) {
      this.stage.cancel();
      this.session.cancelPreview();
    } else if (this.session.boxing) this.session.setBoxing(false);
    else if (this.session.placing) this.session.setPlacing(0);
    else this.stage.canvas.blur();
  }

  // --- inside -----------------------------------------------------------------------------------------------------------

  #listen() {
    const { session, stage } = this;
    const listenTo = (/** @type {EventTarget} */ target, /** @type {string} */ type, /** @type {(event: any) => void} */ run) => {
      target.addEventListener(type, run);
      this.#undo.push(() => target.removeEventListener(type, run));
    };
    this.#undo.push(
      session.listen((topic) => this.#changed(topic)),
      listenToKeys({
        commands: this,
        dragging: () => session.dragging,
        modal: () => this.help.open || this.skipping.open || this.bar.modal,
        onSpace: (down) => {
          if (down && !stage.space) stage.spaceUsed = false;
          stage.space = down;
        },
        spaceUsed: () => stage.spaceUsed,
        onArrowUp: () => {
          if (session.preview?.kind === "nudge") session.commitPreview();
        },
        onActivity: () => session.activity.touch(),
        onCanvas: (target) => target === stage.canvas || target === document.body || target === document.documentElement,
      }),
    );
    listenTo(this.element, "pointermove", () => session.activity.touch());
    // A click in the panel leaves the keys with the canvas: arrows nudge at once. By keyboard, the focus stays in the panel.
    listenTo(this.panel.element, "click", (/** @type {MouseEvent} */ event) => {
      if (event.detail > 0 && event.target instanceof Element && event.target.closest("button")) stage.canvas.focus({ preventScroll: true });
    });
    listenTo(window, "online", () => session.outbox.retry());
    listenTo(document, "visibilitychange", () => {
      if (!document.hidden) session.outbox.retry();
    });
    listenTo(window, "resize", () => this.#fillPage());
    listenTo(window, "beforeunload", (event) => {
      session.commitPreview();
      if (!session.outbox.state.kept) event.preventDefault();
    });
    const observer = new ResizeObserver(() => this.#fillPage());
    observer.observe(document.body);
    this.#undo.push(() => observer.disconnect());
    this.#fillPage();
  }

  /** The editor takes the page from where it begins down to the window's edge. */
  #fillPage() {
    const top = this.element.getBoundingClientRect().top + window.scrollY;
    const height = `${Math.max(Math.round(window.innerHeight - top), 420)}px`;
    if (this.element.style.height !== height) this.element.style.height = height;
  }

  /** @param {Topic} topic */
  #changed(topic) {
    if (topic === "notice") this.#notice();
    if (topic === "preview" && this.session.preview) return;
    this.#dirty.add(topic);
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#render();
    });
  }

  #render() {
    const dirty = this.#dirty;
    this.#dirty = new Set();
    const any = (/** @type {Topic[]} */ ...topics) => topics.some((topic) => dirty.has(topic));
    if (any("queue", "image", "doc", "preview")) this.bar.render();
    if (any("image", "doc", "selection", "mode", "outbox", "preview")) this.panel.render();
    if (any("selection")) this.panel.reveal();
    if (any("outbox", "doc", "image")) this.conflict.render();
    if (any("outbox", "queue", "doc")) this.line.render();
    if (this.session.project?.guideline) this.guideline.offer();
    if (any("image", "doc")) this.line.renderPointer();
    setAttribute(this.element, "data-image", this.session.imageId === null ? null : String(this.session.imageId));
    setAttribute(this.element, "data-ready", this.session.doc && this.session.photo ? "" : null);
  }

  #notice() {
    const { notice } = this.session;
    if (!notice) return;
    setText(this.toast, notice.text);
    setAttribute(this.toast, "data-tone", notice.tone);
    this.toast.hidden = false;
    clearTimeout(this.#noticeTimer);
    this.#noticeTimer = setTimeout(() => (this.toast.hidden = true), notice.tone === "error" ? NOTICE * 3 : NOTICE);
  }

  /** Says the selected joint, or else the selected person, to a screen reader. */
  #tell() {
    const { person, selection, doc } = this.session;
    if (!person || !doc) return;
    if (selection.joint === null) {
      const rank = doc.people.filter((p) => !isLocked(p)).findIndex((p) => p.id === person.id) + 1;
      setText(this.spoken, `Person ${rank}, ${summary(person)}`);
      return;
    }
    const joint = jointOf(person, selection.joint);
    const unsure = isUnsure(joint) ? ", unsure" : "";
    setText(this.spoken, `${say(selection.joint)}, ${["not labelled", "hidden", "visible"][joint.v]}${joint.v ? `, ${joint.source}${unsure}` : ""}`);
  }
}
