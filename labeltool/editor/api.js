/** Requests to the label server: the bearer token on each, renewed once when it has expired, and errors of two kinds. */

/** @import {ImageDoc, Project, Status} from "./types.js" */
/** @import {Answer, Save} from "./outbox.js" */

/** The server answered, but not with what was asked for. */
export class ServerAnswer extends Error {
  /** @param {number} status @param {string} message @param {any} body */
  constructor(status, message, body) {
    super(message);
    this.name = "ServerAnswer";
    this.status = status;
    this.body = body;
  }
}

/** A request is given up, and tried again later, after so many milliseconds. */
const TIMEOUT = 20_000;

/** @typedef {{total: number, counts: Record<Status, number>, ids: number[], statuses: string}} QueueAnswer */

export class Api {
  /** @type {Promise<void> | null} */
  #renewal = null;

  /**
   * @param {string} root the path that the routes lie below, such as `/api`
   * @param {string} token
   * @param {typeof fetch} [fetcher]
   */
  constructor(root, token, fetcher = (input, init) => fetch(input, init)) {
    this.root = root;
    this.token = token;
    this.fetcher = fetcher;
  }

  /** @returns {Promise<Project>} */
  project() {
    return this.#json("GET", "/project");
  }

  /** @returns {Promise<QueueAnswer>} */
  queue() {
    return this.#json("GET", "/queue");
  }

  /** @param {number} id @returns {Promise<ImageDoc>} */
  image(id) {
    return this.#json("GET", `/images/${id}`);
  }

  /** @param {number} id @returns {Promise<Blob>} */
  async photo(id) {
    return (await this.#request("GET", `/images/${id}/photo`, undefined, 60_000)).blob();
  }

  /**
   * Sends one save. Never throws: whatever happens is one of the outbox' answers.
   * @param {Save} save @param {number} base @returns {Promise<Answer>}
   */
  async save(save, base) {
    try {
      if (save.kind === "status") {
        await this.#json("PUT", `/images/${save.imageId}/status`, { status: save.status });
        return { kind: "saved", person: null };
      }
      const { patch, action, editId, activeSeconds } = save;
      const body = { base, edit_id: editId, action, active_seconds: activeSeconds, ...patch };
      return { kind: "saved", person: await this.#json("PUT", `/people/${save.person}`, body) };
    } catch (error) {
      return answerOf(error);
    }
  }

  /**
   * @param {string} method @param {string} path @param {unknown} [body]
   * @returns {Promise<any>}
   */
  async #json(method, path, body) {
    return (await this.#request(method, path, body, TIMEOUT)).json();
  }

  /**
   * @param {string} method @param {string} path @param {unknown} body @param {number} timeout
   * @returns {Promise<Response>}
   */
  async #request(method, path, body, timeout) {
    let response = await this.#fetch(method, path, body, timeout);
    if (response.status === 401) {
      await this.#renew();
      response = await this.#fetch(method, path, body, timeout);
    }
    if (!response.ok) throw await errorOf(response);
    return response;
  }

  /** @param {string} method @param {string} path @param {unknown} body @param {number} timeout */
  #fetch(method, path, body, timeout) {
    /** @type {Record<string, string>} */
    const headers = { Authorization: `Bearer ${this.token}` };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    return this.fetcher(this.root + path, {
      method,
      headers,
      body: body === undefined ? null : JSON.stringify(body),
      credentials: "same-origin",
      signal: AbortSignal.timeout(timeout),
    });
  }

  /** One renewal serves every request that found its token expired. */
  #renew() {
    this.#renewal ??= this.#fetch("POST", "/token", undefined, TIMEOUT)
      .then(async (response) => {
        if (!response.ok) throw await errorOf(response);
        this.token = (await response.json()).token;
      })
      .finally(() => {
        this.#renewal = null;
      });
    return this.#renewal;
  }
}

/** @param {unknown} error @returns {Answer} */
function answerOf(error) {
  if (!(error instanceof ServerAnswer)) return { kind: "unreachable", message: "the label server cannot be reached" };
  if (error.status === 409 && error.body?.current) return { kind: "stale", current: error.body.current };
  if (error.status === 401) return { kind: "unreachable", message: "signed out: open the server's link again", signedOut: true };
  if (error.status >= 500 || error.status === 408 || error.status === 429) return { kind: "unreachable", message: error.message };
  return { kind: "refused", message: error.message };
}

/** @param {Response} response */
async function errorOf(response) {
  /** @type {any} */
  let body = null;
  try {
    body = await response.json();
  } catch {
    // Not JSON: a proxy's page, say. The status line has to do.
  }
  const message = typeof body?.error === "string" ? body.error : `the server answered ${response.status} ${response.statusText}`.trim();
  return new ServerAnswer(response.status, message, body);
}
