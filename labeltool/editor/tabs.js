/**
 * Which tabs of this browser are alive: each page holds its name until it is gone, however it goes, and others can wait for that.
 */

/**
 * @typedef {object} Tabs
 * @property {(name: string) => Promise<void>} hold holds a name until the page is gone or `close` is called
 * @property {(name: string, run: () => Promise<void>) => void} whenGone
 *   runs once nobody holds the name; of several tabs that wait, one at a time
 * @property {() => void} close
 */

/** Milliseconds between signs of life, and after how many without one a tab counts as gone. A browser lets the timers of a tab
 * in the background run once a minute. */
const BEAT = 5_000;
const GONE = 150_000;

/**
 * Web Locks where the browser has them, which is on HTTPS and on this machine's own addresses; else signs of life.
 * @returns {Tabs}
 */
export function makeTabs() {
  return globalThis.navigator?.locks ? new LockedTabs(navigator.locks) : new BeatingTabs(localStorage);
}

/** @implements {Tabs} */
class LockedTabs {
  #closing = new AbortController();
  /** @type {(value?: unknown) => void} */
  #release = () => {};

  /** @param {LockManager} locks */
  constructor(locks) {
    this.locks = locks;
  }

  /** @param {string} name */
  hold(name) {
    return /** @type {Promise<void>} */ (
      new Promise((held, failed) => {
        this.locks.request(name, () => {
          held(undefined);
          return new Promise((release) => (this.#release = release));
        }).catch(failed);
      })
    );
  }

  /** @param {string} name @param {() => Promise<void>} run */
  whenGone(name, run) {
    this.locks.request(name, { signal: this.#closing.signal }, run).catch(() => {}); // Closed meanwhile.
  }

  close() {
    this.#closing.abort();
    this.#release();
  }
}

/**
 * Signs of life in localStorage. Two tabs may both believe that a third is gone; what they then do must bear that (the saves
 * of an orphaned tab change hands in one transaction, and the server takes each once).
 * @implements {Tabs}
 */
export class BeatingTabs {
  /** @type {Set<ReturnType<typeof setInterval>>} */
  #timers = new Set();
  #leave = () => {};

  /** @param {Pick<Storage, "getItem" | "setItem" | "removeItem">} storage @param {() => number} [now] */
  constructor(storage, now = Date.now) {
    this.storage = storage;
    this.now = now;
  }

  /** @param {string} name */
  async hold(name) {
    const beat = () => this.storage.setItem(name, String(this.now()));
    this.#leave = () => this.storage.removeItem(name);
    beat();
    this.#timers.add(setInterval(beat, BEAT));
    globalThis.addEventListener?.("pagehide", this.#leave);
    globalThis.addEventListener?.("pageshow", beat);
  }

  /** @param {string} name @param {() => Promise<void>} run */
  whenGone(name, run) {
    const look = () => {
      const seen = Number(this.storage.getItem(name) ?? -Infinity);
      if (this.now() - seen < GONE || !this.#timers.delete(timer)) return;
      clearInterval(timer);
      this.storage.removeItem(name);
      void run();
    };
    const timer = setInterval(look, BEAT);
    this.#timers.add(timer);
    look();
  }

  close() {
    for (const timer of this.#timers) clearInterval(timer);
    this.#leave();
  }
}
