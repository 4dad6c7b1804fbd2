/**
 * Going about: the queue, the image that is open with its photo and labels, and what is selected in it.
 */

import { isLocked } from "./edits.js";
import { isOfFilter, marksOf } from "./marks.js";
import { isMark, partOf, Queue } from "./queue.js";
import { ignore, personById, Syncing } from "./syncing.js";

/** @import {Photo} from "./photos.js" */
/** @import {Filter} from "./queue.js" */
/** @import {ImageDoc, JointRef} from "./types.js" */
/** @import {Order} from "./worklist.js" */

/** Images whose labels and photos are fetched ahead. */
const PREFETCH = 2;

/** Milliseconds until what the open image lacks is asked for again. */
const RETRY = 2000;

export class Browsing extends Syncing {
  /** The person that the page's address asked for, until its image is there. @type {number | null} */
  #wanted = null;

  // --- images -----------------------------------------------------------------------------------------------------------

  /**
   * Fetches the project and its queue and opens an image: the remembered one, or the first unfinished one.
   * @param {number | null} remembered @param {Readonly<{person?: number | null, filter?: Filter}>} [asked] where the page's address leads
   */
  async start(remembered, { person = null, filter = this.filter } = {}) {
    this.filter = filter;
    this.#orderFor(filter);
    this.#wanted = person;
    const [project] = await Promise.all([this.api.project(), this.refreshQueue()]);
    this.project = project;
    await this.outbox.open(`${project.id ?? project.name} ${project.user}`);
    this.emit("queue");
    void this.work.refresh();
    const known = remembered !== null && this.queue.has(remembered) ? remembered : null;
    const first = known ?? (partOf(filter) ? this.queue.first(filter) : null) ?? this.queue.first("unfinished") ?? this.queue.first("all");
    if (first !== null) await this.open(first);
  }

  /** Fetches the queue again: what other labellers did shows. */
  async refreshQueue() {
    const part = partOf(this.filter);
    const { ids, statuses, fixes, chosen, marks = [], labellers = [] } = await this.api.queue(this.work.order, this.work.seed, part);
    const queue = new Queue(ids, statuses, fixes);
    Object.assign(queue, { marks, labellers });
    if (chosen !== undefined) queue.setPart(part, chosen);
    for (const save of this.outbox.waiting) if (save.kind === "status") queue.setStatus(save.imageId, save.status);
    this.queue = queue;
    this.emit("queue");
  }

  /** @param {Filter} filter */
  setFilter(filter) {
    this.#orderFor(filter);
    this.filter = filter;
    this.emit("queue");
    const fetched = this.refreshQueue().catch(() => this.say("The queue could not be fetched; its counts may be old.", "warning"));
    // Which images those are, the server has to say first.
    if (partOf(filter)) void fetched.then(() => this.filter === filter && this.#enter(filter));
    else this.#enter(filter);
  }

  /** Among marked images the highest mark comes first, unless the labeller has chosen an order. @param {Filter} filter */
  #orderFor(filter) {
    const { order, seed } = this.work;
    if (isMark(filter) && order === "position") this.work.choose("mark", seed);
    else if (!isMark(filter) && order === "mark") this.work.choose("position", seed);
  }

  /** Opens the first image that passes a filter, unless the open one does. @param {Filter} filter */
  #enter(filter) {
    if (this.imageId !== null && filter !== "all") {
      const passes = this.queue.has(this.imageId) && this.queue.passes(this.imageId, filter);
      const first = passes ? null : this.queue.first(filter);
      if (first !== null) void this.open(first);
    }
  }

  /**
   * Opens an image. The labels known from before show at once; the server's are fetched all the same.
   * @param {number} id
   */
  async open(id) {
    this.settle();
    this.hover = null;
    this.imageId = id;
    this.photo = null;
    this.remember(id);
    this.choose(this.#starting(), null);
    this.emit("image");
    await Promise.all([this.#openDoc(id), this.#openPhoto(id)]);
    if (this.imageId === id) this.#prefetch(id);
  }

  /** @param {number} id @param {boolean} [again] was it asked for before? */
  async #openDoc(id, again = false) {
    try {
      this.received(await this.docs.fetch(id));
    } catch (error) {
      if (this.imageId === id && !again) this.say(`The labels cannot be fetched: ${messageOf(error)}. Trying again…`, "error");
      return this.#later(id, () => this.#openDoc(id, true));
    }
    if (this.imageId !== id) return;
    if (this.selection.person === null || (this.#wanted !== null && personById(this.doc, this.#wanted))) this.choose(this.#starting(), null);
    this.#wanted = null;
  }

  /** The person to begin with: whom the address asked for, who is marked for the filter, or the largest one. */
  #starting() {
    const people = new Set(this.doc?.people.filter((p) => !isLocked(p)).map((p) => p.id));
    if (this.#wanted !== null && people.has(this.#wanted)) return this.#wanted;
    const marked = this.doc?.image.marks?.find((mark) => isOfFilter(mark, this.filter) && mark.person !== null && people.has(mark.person));
    return marked?.person ?? firstPerson(this.doc);
  }

  /** @param {number} id */
  async #openPhoto(id) {
    /** @type {Photo} */
    let photo;
    try {
      photo = await this.photos.get(id);
    } catch (error) {
      photo = { kind: "broken", message: `${messageOf(error)}; trying again…` };
      this.#later(id, () => this.#openPhoto(id));
    }
    if (this.imageId !== id) return;
    this.photo = photo;
    this.emit("photo");
  }

  /** Does something in a while, if the image is still open then. @param {number} id @param {() => void} run */
  #later(id, run) {
    const timer = setTimeout(() => this.imageId === id && run(), RETRY);
    /** @type {any} */ (timer).unref?.(); // Under Node there is nobody who waits for it.
  }

  /** @param {number} id */
  #prefetch(id) {
    const unfinished = this.queue.unfinished(id, 1, this.filter);
    const ahead = new Set([...this.queue.following(id, PREFETCH, this.filter), ...(unfinished === null ? [] : [unfinished])]);
    for (const next of ahead) {
      if (!this.labels.has(next)) this.docs.fetch(next).then((doc) => this.received(doc), ignore);
      this.photos.get(next).catch(ignore);
    }
  }

  /** @param {1 | -1} step */
  goImage(step) {
    if (this.imageId === null) return;
    const next = this.queue.neighbour(this.imageId, step, this.filter);
    if (next === null) this.say(step === 1 ? "This is the last image of the queue." : "This is the first image of the queue.");
    else void this.open(next);
  }

  /** @param {1 | -1} step */
  goUnfinished(step) {
    if (this.imageId === null) return;
    const next = this.queue.unfinished(this.imageId, step, this.filter);
    if (next === null) this.say(isMark(this.filter) ? "No other image is marked like that." : "No other image is unfinished.");
    else void this.open(next);
  }

  /**
   * Puts the queue in another order; the open image stays open.
   * @param {Order} order @param {number} seed of the order `random`
   */
  setOrder(order, seed) {
    this.work.choose(order, seed);
    this.refreshQueue().catch(() => this.say("The queue could not be fetched; it stays in the order it was in.", "warning"));
  }

  /**
   * Opens an image that was searched for, whether or not the filter shows it.
   * @param {number} id
   */
  async goTo(id) {
    if (!this.queue.has(id)) await this.refreshQueue().catch(ignore);
    if (!this.queue.has(id)) return this.say(`Image ${id} is not in the queue.`, "warning");
    return this.open(id);
  }

  /**
   * Says what has to be fixed on an image; null: it is fixed.
   * @param {number} id @param {string | null} note
   */
  async setFix(id, note) {
    try {
      const image = await this.api.fix(id, note);
      const doc = this.labels.get(id);
      if (doc) this.received({ ...doc, image: { ...doc.image, fix_note: image.fix_note, fix_author: image.fix_author } });
      this.noteFix(image);
      this.say(note === null ? "The flag is cleared." : "Flagged: the image is among those that need a fix.");
    } catch (error) {
      this.say(`Not flagged: ${messageOf(error)}`, "error");
    }
  }

  /** Says that the marked person, or image, was looked at and is right. */
  async lookedAt() {
    const { doc } = this;
    const marks = marksOf(doc, this.selection.person).map((mark) => mark.id);
    if (!doc) return;
    if (!marks.length) return this.say("Nothing is marked here.");
    const id = doc.image.id;
    try {
      const left = (await this.api.settleMarks(id, marks)).marks;
      const now = this.labels.get(id);
      if (now) this.received({ ...now, image: { ...now.image, marks: left } });
      this.say(left.length ? "Noted as right. Another mark is left on this image." : "Noted as right.");
      const next = left.find((mark) => mark.person !== null && isOfFilter(mark, this.filter));
      if (next && this.imageId === id) this.select(next.person, null);
    } catch (error) {
      this.say(`Not noted: ${messageOf(error)}`, "error");
    }
  }

  /**
   * Opens the image at a 1-based place of the filtered queue.
   * @param {number} rank
   */
  goRank(rank) {
    const id = this.queue.atRank(rank, this.filter);
    if (id !== null) void this.open(id);
  }

  // --- selection --------------------------------------------------------------------------------------------------------

  /** @param {number | null} person @param {string | null} joint */
  select(person, joint) {
    this.choose(person, joint);
  }

  /** @param {JointRef | null} ref */
  setHover(ref) {
    if (ref?.person === this.hover?.person && ref?.joint === this.hover?.joint) return;
    this.hover = ref;
    this.emit("selection");
  }

  /** A key has chosen a joint: the one that the pointer happens to rest on is not meant until the pointer moves. */
  setAside() {
    this.aside = true;
    this.setHover(null);
  }

  /** @param {1 | -1} step */
  goPerson(step) {
    const people = this.doc?.people.filter((p) => !isLocked(p)) ?? [];
    if (!people.length) return;
    const at = people.findIndex((p) => p.id === this.selection.person);
    const next = people[at < 0 ? 0 : (at + step + people.length) % people.length];
    if (next) this.select(next.id, null);
  }

  /** @param {1 | -1} step */
  goJoint(step) {
    const person = this.person ?? personById(this.doc, firstPerson(this.doc));
    if (!person) return;
    const names = this.skeleton.joints;
    const at = this.selection.joint === null ? -1 : names.indexOf(this.selection.joint);
    const next = at < 0 ? (step === 1 ? 0 : names.length - 1) : (at + step + names.length) % names.length;
    this.select(person.id, names[next] ?? null);
    this.setAside();
  }

  // --- for the layers above ---------------------------------------------------------------------------------------------

  /** Brings to an end what the labeller has in hand; called before another image is opened. */
  settle() {}

  /**
   * Selects, and notes that a selected joint was looked at.
   * @param {number | null} person @param {string | null} joint
   */
  choose(person, joint) {
    this.selection = { person, joint };
    this.activity.about(person);
    if (this.doc && person !== null) this.seen.notePerson(this.doc, person);
    if (this.doc && person !== null && joint !== null) this.seen.note(this.doc, person, joint);
    this.emit("selection");
  }
}

/**
 * The person a labeller most likely starts with: the largest one that is not locked.
 * @param {ImageDoc | null} doc
 */
export function firstPerson(doc) {
  let best = null;
  let size = -1;
  for (const person of doc?.people ?? []) {
    const area = person.box ? person.box[2] * person.box[3] : 0;
    if (!isLocked(person) && area > size) [best, size] = [person.id, area];
  }
  return best;
}

/**
 * What went wrong with a request, in words.
 * @param {unknown} error
 */
export function messageOf(error) {
  if (error instanceof Error && error.name === "ServerAnswer") return error.message;
  return "the label server cannot be reached";
}
