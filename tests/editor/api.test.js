import assert from "node:assert/strict";
import { test } from "node:test";

import { Api } from "../../labeltool/editor/api.js";

/** @import {Save} from "../../labeltool/editor/outbox.js" */

/** @param {number} status @param {unknown} body */
const json = (status, body) => new Response(JSON.stringify(body), { status, headers: { "content-type": "application/json" } });

/** @type {Save} */
const SAVE = {
  kind: "person", editId: "e1", imageId: 1, person: 5, action: "move", activeSeconds: 1.5,
  patch: { joints: { head: { x: 1, y: 2, v: 2, source: "moved" } } },
};

/** @param {(url: string, init: any) => Response | Promise<Response>} answer */
function setUp(answer) {
  /** @type {[string, string, any][]} */
  const log = [];
  const api = new Api("/api", "old", async (input, init) => {
    log.push([init?.method ?? "GET", String(input), init]);
    return answer(String(input), init);
  });
  return { api, log };
}

test("a save is one PUT with the bearer, the base and only what changed", async () => {
  const { api, log } = setUp(() => json(200, { id: 5, revision: 4 }));
  assert.deepEqual(await api.save(SAVE, 3), { kind: "saved", person: { id: 5, revision: 4 } });
  const [method, url, init] = /** @type {any} */ (log[0]);
  assert.deepEqual([method, url, init.headers.Authorization], ["PUT", "/api/people/5", "Bearer old"]);
  assert.deepEqual(JSON.parse(init.body), { base: 3, edit_id: "e1", action: "move", active_seconds: 1.5, joints: { head: { x: 1, y: 2, v: 2, source: "moved" } } });
});

test("an expired token is renewed once and the request repeated", async () => {
  const { api, log } = setUp((url, init) => {
    if (url.endsWith("/token")) return json(200, { token: "new" });
    return init.headers.Authorization === "Bearer new" ? json(200, { id: 5 }) : json(401, { error: "expired" });
  });
  const [first, second] = await Promise.all([api.save(SAVE, 0), api.project()]);
  assert.equal(first.kind, "saved");
  assert.deepEqual(second, { id: 5 });
  assert.equal(log.filter(([, url]) => url.endsWith("/token")).length, 1);
  assert.equal(api.token, "new");
});

test("every kind of failure becomes one of the outbox' answers", async () => {
  const current = { id: 5, revision: 9 };
  const cases = /** @type {const} */ ([
    [json(409, { error: "stale", current }), { kind: "stale", current, offered: null }],
    [json(409, { error: "stale", current, offered: current }), { kind: "stale", current, offered: current }],
    [json(422, { error: "v is 3" }), { kind: "refused", message: "v is 3" }],
    [json(404, { error: "no person 5" }), { kind: "refused", message: "no person 5" }],
    [json(503, { error: "locked" }), { kind: "unreachable", message: "locked" }],
    [new Response("<html>bad gateway</html>", { status: 502, statusText: "Bad Gateway" }), { kind: "unreachable", message: "the server answered 502 Bad Gateway" }],
  ]);
  for (const [response, expected] of cases) {
    const { api } = setUp(() => response);
    assert.deepEqual(await api.save(SAVE, 0), expected);
  }
});

test("a dead network and a lost cookie keep the edit", async () => {
  const dead = setUp(() => {
    throw new TypeError("fetch failed");
  });
  assert.deepEqual(await dead.api.save(SAVE, 0), { kind: "unreachable", message: "the label server cannot be reached" });
  const out = setUp(() => json(401, { error: "not signed in" }));
  const answer = await out.api.save(SAVE, 0);
  assert.equal(answer.kind === "unreachable" && answer.signedOut, true);
});

test("a new person is one POST", async () => {
  const { api, log } = setUp(() => json(201, { id: 9, revision: 1 }));
  const head = { x: 1, y: 2, v: /** @type {const} */ (2), source: /** @type {const} */ ("added"), confidence: 0.5 };
  const answer = await api.save({ kind: "create", editId: "c", imageId: 12, person: -3, box: [1, 2, 3, 4], joints: { head }, action: "add", activeSeconds: 2 }, 0);
  assert.deepEqual(answer, { kind: "saved", person: { id: 9, revision: 1 } });
  const [method, url, init] = /** @type {any} */ (log[0]);
  assert.deepEqual([method, url], ["POST", "/api/images/12/people"]);
  const joints = { head: { x: 1, y: 2, v: 2, source: "added" } };
  assert.deepEqual(JSON.parse(init.body), { edit_id: "c", action: "add", active_seconds: 2, box: [1, 2, 3, 4], joints });
});

test("a save outlives its page where it is small enough", async () => {
  const { api, log } = setUp(() => json(200, { id: 5 }));
  await api.save(SAVE, 3);
  await api.save({ .../** @type {any} */ (SAVE), action: "x".repeat(30_000) }, 3);
  assert.deepEqual(log.map(([, , init]) => init.keepalive), [true, false]);
});

test("a status is its own PUT", async () => {
  const { api, log } = setUp(() => json(200, {}));
  await api.save({ kind: "status", editId: "s", imageId: 12, status: "done" }, 0);
  assert.deepEqual([log[0]?.[0], log[0]?.[1], log[0]?.[2].body], ["PUT", "/api/images/12/status", '{"status":"done"}']);
});
