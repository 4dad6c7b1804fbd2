import assert from "node:assert/strict";
import { test } from "node:test";

import { newEditId, Outbox } from "../../labeltool/editor/outbox.js";
import { FakeServer, doc, joint, person, settle } from "./samples.js";

/** @import {PersonSave, Save} from "../../labeltool/editor/outbox.js" */

/** @param {number} id @param {number} x @returns {PersonSave} */
function save(id, x) {
  const patch = { joints: { head: { x, y: 1, v: /** @type {const} */ (2), source: /** @type {const} */ ("moved") } } };
  return { kind: "person", editId: newEditId(), imageId: 1, person: id, patch, action: `move${x}`, activeSeconds: 0 };
}

function setUp() {
  const server = new FakeServer([doc([person(1), person(2)])]);
  /** @type {(() => void)[]} */
  const timers = [];
  /** @type {[Save, string][]} */
  const answers = [];
  const outbox = new Outbox({
    send: (s, base) => server.save(s, base),
    onAnswer: (s, answer) => answers.push([s, answer.kind]),
    onChange: () => {},
    now: () => 1000,
    later: (run) => timers.push(run),
    cancel: () => {},
  });
  for (const p of server.docs.get(1)?.people ?? []) outbox.loaded(p);
  return { server, outbox, timers, answers };
}

test("saves go out in order, each from the revision the one before it made", async () => {
  const { server, outbox } = setUp();
  for (let x = 1; x <= 5; x++) outbox.add(save(1 + (x % 2), x));
  assert.equal(outbox.state.state, "saving");
  await settle();
  assert.deepEqual(server.log, [1, 2, 3, 4, 5].map((x) => `PUT ${1 + (x % 2)} move${x} head`));
  assert.deepEqual([server.find(1).revision, server.find(2).revision], [2, 3]);
  assert.deepEqual(outbox.state, { state: "idle", waiting: 0, savedAt: 1000, message: null });
});

test("an unreachable server keeps every edit, and they arrive once, in order, when it is back", async () => {
  const { server, outbox, timers } = setUp();
  server.reachable = false;
  for (let x = 1; x <= 20; x++) outbox.add(save(1, x));
  await settle();
  assert.equal(outbox.state.state, "offline");
  assert.equal(outbox.state.waiting, 20);
  for (let i = 0; i < 3; i++) {
    timers.pop()?.();
    await settle();
  }
  assert.equal(outbox.state.waiting, 20);
  server.reachable = true;
  outbox.retry();
  await settle();
  assert.deepEqual(server.log, Array.from({ length: 20 }, (_, i) => `PUT 1 move${i + 1} head`));
  assert.equal(server.find(1).revision, 20);
});

test("an edit whose answer was lost is not made twice", async () => {
  const { server, outbox, timers } = setUp();
  const real = server.save.bind(server);
  let lose = true;
  outbox.send = async (s, base) => {
    const answer = await real(s, base);
    if (!lose) return answer;
    lose = false;
    return { kind: "unreachable", message: "the answer was lost" };
  };
  outbox.add(save(1, 7));
  outbox.add(save(1, 8));
  await settle();
  timers.pop()?.();
  await settle();
  assert.deepEqual(server.log, ["PUT 1 move7 head", "PUT 1 move8 head"]);
  assert.equal(outbox.state.state, "idle");
});

test("a conflict holds that person's saves and lets the others through", async () => {
  const { server, outbox } = setUp();
  server.put({ ...server.find(1), revision: 3 });
  outbox.add(save(1, 1));
  outbox.add(save(2, 2));
  outbox.add(save(1, 3));
  await settle();
  assert.deepEqual(server.log, ["PUT 2 move2 head"]);
  assert.equal(outbox.state.state, "conflict");
  assert.equal(outbox.conflicts.get(1)?.revision, 3);
  assert.equal(outbox.holds(1), true);
  assert.equal(outbox.holdsImage(1), true);
});

test("keeping mine saves one edit on top of the other version", async () => {
  const { server, outbox } = setUp();
  server.put({ ...server.find(1), revision: 3 });
  outbox.add(save(1, 1));
  await settle();
  outbox.keepMine(1, save(1, 9));
  await settle();
  assert.deepEqual(server.log, ["PUT 1 move9 head"]);
  assert.equal(server.find(1).revision, 4);
  assert.equal(outbox.state.state, "idle");
});

test("taking theirs drops what waits for that person, and the next edit starts from their revision", async () => {
  const { server, outbox } = setUp();
  server.put({ ...server.find(1), revision: 3, joints: { head: joint(77, 7) } });
  outbox.add(save(1, 1));
  outbox.add(save(1, 2));
  await settle();
  outbox.takeTheirs(1);
  await settle();
  assert.deepEqual(server.log, []);
  assert.equal(outbox.state.state, "idle");
  outbox.add(save(1, 5));
  await settle();
  assert.equal(server.find(1).revision, 4);
});

test("a refused save leaves the box and is told, and the next one goes on", async () => {
  const { server, outbox, answers } = setUp();
  const real = server.save.bind(server);
  outbox.send = async (s, base) => (s.kind === "person" && s.action === "move1" ? { kind: "refused", message: "no" } : real(s, base));
  outbox.add(save(1, 1));
  outbox.add(save(1, 2));
  await settle();
  assert.deepEqual(answers.map(([, kind]) => kind), ["refused", "saved"]);
  assert.equal(outbox.state.waiting, 0);
});

test("a send that throws counts as unreachable", async () => {
  const { outbox } = setUp();
  outbox.send = async () => {
    throw new Error("boom");
  };
  outbox.add(save(1, 1));
  await settle();
  assert.equal(outbox.state.state, "offline");
  assert.equal(outbox.state.waiting, 1);
});

test("edit ids differ and are hexadecimal", () => {
  const ids = new Set(Array.from({ length: 1000 }, newEditId));
  assert.equal(ids.size, 1000);
  for (const id of ids) assert.match(id, /^[0-9a-f]{32}$/);
});
