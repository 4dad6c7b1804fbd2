/**
 * Where waiting saves are kept so that a reload, a crash or a killed browser does not lose them: one IndexedDB database for all
 * projects and tabs of this browser. Each tab owns what it wrote; what a tab leaves behind is taken over by exactly one other.
 */

import { newEditId } from "./saves.js";
import { makeTabs } from "./tabs.js";

/** @import {Save} from "./saves.js" */
/** @import {Tabs} from "./tabs.js" */

/**
 * @typedef {object} SaveStore
 * @property {(scope: string, onTaken: (saves: Save[]) => void) => Promise<void>} open
 *   Begins to keep the saves of a scope; what lies there without an owner is handed over, now and later. Rejects where nothing
 *   can be kept.
 * @property {(remove: readonly string[], put: readonly Save[]) => Promise<void>} write
 *   Removes saves by edit id and writes others, all or nothing; settles when it is done.
 * @property {() => void} close
 *
 * @typedef {{editId: string, scope: string, owner: string, save: Save}} Row
 */

const DATABASE = "labeltool";
const SAVES = "saves";
const BY_SCOPE = "scope";

/** Milliseconds between looks for tabs that went while this one was open. */
const LOOK = 10_000;

/** @implements {SaveStore} */
export class IndexedStore {
  /** @type {IDBDatabase | null} */
  #database = null;
  #scope = "";
  /** @type {(saves: Save[]) => void} */
  #onTaken = () => {};
  /** @type {Set<string>} owners that are being waited for */
  #watched = new Set();
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #timer;

  /** @param {() => Tabs} [tabs] */
  constructor(tabs = makeTabs) {
    this.owner = newEditId();
    this.makeTabs = tabs;
    /** @type {Tabs | null} */
    this.tabs = null;
  }

  /** @param {string} scope @param {(saves: Save[]) => void} onTaken */
  async open(scope, onTaken) {
    this.#scope = scope;
    this.#onTaken = onTaken;
    this.tabs = this.makeTabs();
    await this.tabs.hold(nameOf(this.owner));
    this.#database = await openDatabase();
    await this.#lookForOrphans();
    this.#timer = setInterval(() => this.#lookForOrphans().catch(() => {}), LOOK);
  }

  /** @param {readonly string[]} remove @param {readonly Save[]} put */
  async write(remove, put) {
    await this.#transact((rows) => {
      for (const editId of remove) rows.delete(editId);
      for (const save of put) rows.put(this.#row(save));
      rows.transaction.commit(); // Now, and not when the page gets round to it: it may be about to close.
    });
  }

  close() {
    clearInterval(this.#timer);
    this.tabs?.close();
    this.#database?.close();
    this.#database = null;
  }

  /** Waits for every other tab that has saves here to go, and takes over what it leaves. */
  async #lookForOrphans() {
    const rows = await this.#rows();
    for (const owner of new Set(rows.map((row) => row.owner))) {
      if (owner === this.owner || this.#watched.has(owner)) continue;
      this.#watched.add(owner);
      this.tabs?.whenGone(nameOf(owner), () => this.#takeOver(owner));
    }
  }

  /** @param {string} owner a tab that is gone */
  async #takeOver(owner) {
    this.#watched.delete(owner);
    /** @type {Save[]} */
    const taken = [];
    await this.#transact((rows) => {
      rows.index(BY_SCOPE).getAll(this.#scope).onsuccess = (event) => {
        for (const row of resultOf(event)) {
          if (row.owner !== owner) continue;
          rows.put({ ...row, owner: this.owner });
          taken.push(row.save);
        }
      };
    });
    taken.sort((a, b) => (a.order ?? 0) - (b.order ?? 0));
    if (taken.length) this.#onTaken(taken);
  }

  /** @param {Save} save @returns {Row} */
  #row(save) {
    return { editId: save.editId, scope: this.#scope, owner: this.owner, save };
  }

  /** @returns {Promise<Row[]>} */
  async #rows() {
    /** @type {Row[]} */
    let found = [];
    await this.#transact((rows) => {
      rows.index(BY_SCOPE).getAll(this.#scope).onsuccess = (event) => (found = resultOf(event));
    }, "readonly");
    return found;
  }

  /**
   * @param {(rows: IDBObjectStore) => void} work @param {IDBTransactionMode} [mode]
   * @returns {Promise<void>} settles when the transaction has
   */
  #transact(work, mode = "readwrite") {
    return new Promise((done, failed) => {
      if (!this.#database) throw new Error("the store is not open");
      const transaction = this.#database.transaction(SAVES, mode);
      transaction.oncomplete = () => done();
      transaction.onabort = () => failed(transaction.error ?? new Error("the transaction was aborted"));
      work(transaction.objectStore(SAVES));
    });
  }
}

/** @returns {Promise<IDBDatabase>} */
function openDatabase() {
  return new Promise((done, failed) => {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore(SAVES, { keyPath: "editId" }).createIndex(BY_SCOPE, BY_SCOPE);
    };
    request.onsuccess = () => {
      request.result.onversionchange = () => request.result.close();
      done(request.result);
    };
    request.onerror = () => failed(request.error ?? new Error("IndexedDB cannot be opened"));
    request.onblocked = () => failed(new Error("IndexedDB is being upgraded by another tab"));
  });
}

/** @param {Event} event @returns {Row[]} */
function resultOf(event) {
  return /** @type {IDBRequest<Row[]>} */ (event.target).result;
}

/** @param {string} owner */
function nameOf(owner) {
  return `labeltool.tab.${owner}`;
}
