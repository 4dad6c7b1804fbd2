/** Documents, a seeded generator, and a label server in memory, for the editor's tests. */

/** @import {PredictAnswer} from "../../labeltool/editor/api.js" */
/** @import {Answer, Save} from "../../labeltool/editor/outbox.js" */
/** @import {CreateSave} from "../../labeltool/editor/saves.js" */
/** @import {Box, ImageDoc, Joint, Patch, Person, Skeleton, Status} from "../../labeltool/editor/types.js" */

/** @type {Skeleton} */
export const SKELETON = {
  name: "small",
  joints: ["head", "left_hand", "right_hand", "left_foot", "right_foot"],
  limbs: [["head", "left_hand"], ["head", "right_hand"], ["head", "left_foot"], ["head", "right_foot"]],
  flip_pairs: [["left_hand", "right_hand"], ["left_foot", "right_foot"]],
};

/** @param {number} x @param {number} y @param {Partial<Joint>} [rest] @returns {Joint} */
export function joint(x, y, rest = {}) {
  return { x, y, v: 2, source: "imported", confidence: null, ...rest };
}

/** @type {Joint} */
export const UNLABELLED = { x: 0, y: 0, v: 0, source: "imported", confidence: null };

/** @param {number} id @param {Partial<Person>} [rest] @returns {Person} */
export function person(id, rest = {}) {
  return {
    id,
    image_id: 1,
    revision: 0,
    box: [10, 10, 40, 60],
    joints: {
      head: joint(30.25, 15.5),
      left_hand: joint(40, 30, { v: 1 }),
      right_hand: joint(20, 30, { source: "predicted", confidence: 0.8 }),
      left_foot: joint(35.125, 60),
      right_foot: UNLABELLED,
    },
    crowd: false,
    deleted: false,
    ...rest,
  };
}

/** @param {readonly Person[]} people @param {number} [id] @param {Status} [status] @returns {ImageDoc} */
export function doc(people, id = 1, status = "unlabelled") {
  const image = { id, file_name: `${id}.jpg`, width: 100, height: 80, status, reason: null, problem: null };
  return { image, people: people.map((p) => ({ ...p, image_id: id })) };
}

/** Random numbers in [0, 1) that are the same for the same seed (mulberry32). @param {number} seed */
export function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** A label server that keeps its images in memory, with the same answers as the real one. */
export class FakeServer {
  token = "t";
  /** @type {string[]} */
  log = [];
  reachable = true;
  /** @type {Map<string, Person>} */
  #seen = new Map();
  /** @type {Map<string, Person>} every version, by id and revision */
  #versions = new Map();

  /** @param {readonly ImageDoc[]} docs */
  constructor(docs) {
    this.docs = new Map(docs.map((d) => [d.image.id, d]));
    for (const d of docs) for (const p of d.people) this.#versions.set(`${p.id} ${p.revision}`, p);
  }

  /** @param {number} id */
  find(id) {
    for (const d of this.docs.values()) for (const p of d.people) if (p.id === id) return p;
    throw new Error(`no person ${id}`);
  }

  /** @param {Person} changed */
  put(changed) {
    const d = this.docs.get(changed.image_id);
    if (!d) throw new Error("no image");
    this.#versions.set(`${changed.id} ${changed.revision}`, changed);
    this.docs.set(changed.image_id, { ...d, people: d.people.map((p) => (p.id === changed.id ? changed : p)) });
  }

  async project() {
    return { name: "test", user: "anna", skeleton: SKELETON };
  }

  async queue() {
    const codes = ["unlabelled", "prefilled", "in_progress", "done", "skipped"];
    const docs = [...this.docs.values()];
    return { total: docs.length, counts: {}, ids: docs.map((d) => d.image.id), statuses: docs.map((d) => codes.indexOf(d.image.status)).join("") };
  }

  /** @param {number} id */
  async image(id) {
    this.log.push(`GET ${id}`);
    if (!this.reachable) throw new Error("unreachable");
    const found = this.docs.get(id);
    if (!found) throw new Error("no image");
    return structuredClone(found);
  }

  /** @param {Save} save @param {number} base @returns {Promise<Answer>} */
  async save(save, base) {
    await Promise.resolve();
    if (!this.reachable) return { kind: "unreachable", message: "down" };
    if (save.kind === "status") {
      const d = /** @type {ImageDoc} */ (this.docs.get(save.imageId));
      this.docs.set(save.imageId, { ...d, image: { ...d.image, status: save.status, reason: save.reason ?? null } });
      this.log.push(`STATUS ${save.imageId} ${save.status} ${save.reason ?? ""}`.trim());
      return { kind: "saved", person: null };
    }
    const before = this.#seen.get(save.editId);
    if (before) return { kind: "saved", person: before };
    if (save.kind === "create") return { kind: "saved", person: this.#made(save) };
    const now = this.find(save.person);
    if (now.revision !== base) {
      const started = this.#versions.get(`${save.person} ${base}`);
      return { kind: "stale", current: now, offered: started ? patched(started, save.patch) : null };
    }
    const after = { ...patched(now, save.patch), revision: base + 1 };
    this.put(after);
    this.log.push(`PUT ${save.person} ${save.action} ${Object.keys(save.patch.joints ?? {}).join()}`.trim());
    return { kind: "saved", person: this.#answer(save, after) };
  }

  /** @param {CreateSave} save */
  #made({ editId, imageId, box, joints, action }) {
    const d = /** @type {ImageDoc} */ (this.docs.get(imageId));
    const id = Math.max(0, ...[...this.docs.values()].flatMap((each) => each.people.map((p) => p.id))) + 1;
    const named = Object.fromEntries(Object.entries(joints).map(([name, { x, y, v, source }]) => [name, { x, y, v, source, confidence: null }]));
    const made = person(id, { image_id: imageId, revision: 1, box, joints: named });
    this.docs.set(imageId, { ...d, people: [...d.people, made] });
    this.#versions.set(`${id} 1`, made);
    this.log.push(`POST ${imageId} ${action}`);
    return this.#answer({ editId }, made);
  }

  /** @param {{editId: string}} save @param {Person} after */
  #answer({ editId }, after) {
    const d = /** @type {ImageDoc} */ (this.docs.get(after.image_id));
    const begun = ["unlabelled", "prefilled", "skipped"].includes(d.image.status);
    if (begun) this.docs.set(after.image_id, { ...d, image: { ...d.image, status: "in_progress" } });
    const answer = { ...after, image_status: /** @type {Status} */ (begun ? "in_progress" : d.image.status) };
    this.#seen.set(editId, answer);
    return answer;
  }

  /** The model's answer to M: every joint at the same place. @type {PredictAnswer} */
  guess = { joints: { head: { x: 11, y: 12, confidence: 0.9 }, left_foot: { x: 13, y: 14, confidence: 0.3 } }, model: "toy", version: "1", seconds: 0.1 };

  /** @param {number} imageId @param {{person: number | null, box: Box, model: string | null}} body */
  async predict(imageId, body) {
    this.log.push(`PREDICT ${imageId} ${body.person} ${body.model}`);
    if (!this.reachable) throw new Error("unreachable");
    return this.guess;
  }
}

/** @param {Person} now @param {Patch} patch @returns {Person} */
function patched(now, patch) {
  return {
    ...now,
    deleted: patch.deleted ?? now.deleted,
    box: patch.box === undefined ? now.box : patch.box,
    joints: Object.fromEntries(Object.entries(now.joints).map(([name, j]) => [name, { ...j, ...patch.joints?.[name] }])),
  };
}

/**
 * A browser's storage in memory, for any number of tabs; `alive` says which of them are.
 * @typedef {Map<string, {owner: number, scope: string, save: Save}>} Rows
 */
export class FakeStore {
  static #tabs = 0;
  owner = ++FakeStore.#tabs;
  failing = false;
  /** @type {(() => void) | null} */
  look = null;
  #scope = "";

  /** @param {Rows} rows @param {Set<number>} alive */
  constructor(rows, alive) {
    this.rows = rows;
    this.alive = alive;
  }

  /** @param {string} scope @param {(saves: Save[]) => void} onTaken */
  async open(scope, onTaken) {
    if (this.failing) throw new Error("no storage");
    this.alive.add(this.owner);
    this.#scope = scope;
    this.look = () => {
      const left = [...this.rows.values()].filter((row) => row.scope === scope && !this.alive.has(row.owner));
      for (const owner of new Set(left.map((row) => row.owner))) {
        const rows = left.filter((row) => row.owner === owner);
        for (const row of rows) row.owner = this.owner;
        onTaken(rows.map((row) => structuredClone(row.save)).sort((a, b) => (a.order ?? 0) - (b.order ?? 0)));
      }
    };
    this.look();
  }

  /** @param {readonly string[]} remove @param {readonly Save[]} put */
  async write(remove, put) {
    await Promise.resolve();
    if (this.failing || !this.look) throw new Error("no storage");
    for (const editId of remove) this.rows.delete(editId);
    for (const save of put) this.rows.set(save.editId, { owner: this.owner, scope: this.#scope, save: structuredClone(save) });
  }

  close() {
    this.alive.delete(this.owner);
  }
}
/** Lets everything that is under way come to its end. */
export async function settle() {
  for (let i = 0; i < 30; i++) await Promise.resolve();
  await new Promise((resolve) => setImmediate(resolve));
}
