/** Undo and redo over every action of a session, before a label server that answers; cases made by fast-check. */

import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { doc, joint, person, settle, SKELETON } from "./samples.js";
import { sessionOf, shown } from "./sessions.js";

/** @import {Session} from "../../labeltool/editor/session.js" */
/** @import {Box, ImageDoc, Person} from "../../labeltool/editor/types.js" */

/** @typedef {Readonly<{name: string, who: number, which: number, a: number, b: number}>} Step */

const RUNS = { numRuns: 100, seed: 20_260_101 };

/** A person for a step: those of the image by turns, new and deleted ones and the crowd among them. @param {Session} session @param {Step} step */
function target(session, { who }) {
  const people = session.doc?.people ?? [];
  return people[who % Math.max(people.length, 1)] ?? null;
}

/** @param {Step} step */
const jointOfStep = ({ which }) => /** @type {string} */ (SKELETON.joints[which % SKELETON.joints.length]);

/** @param {Step} step @returns {Box} */
const boxOf = ({ a, b }) => [a / 2, b / 2, a / 3 + 4, b / 3 + 4];

/** Everything that a labeller can do to the labels of an image. @type {Readonly<Record<string, (session: Session, step: Step, person: Person) => void | Promise<void>>>} */
const ACTIONS = {
  drag: (session, step, { id }) => {
    session.beginDrag({ person: id, joint: jointOfStep(step) });
    session.dragTo(step.a, step.b);
    session.commitPreview();
  },
  nudge: (session, step, { id }) => {
    session.select(id, jointOfStep(step));
    session.nudge((step.a % 3) - 1, (step.b % 3) - 1);
    session.commitPreview();
  },
  flag: (session, step, { id }) => session.flag(/** @type {0 | 1 | 2} */ (step.a % 3), { person: id, joint: jointOfStep(step) }),
  place: (session, step, { id }) => {
    session.select(id, jointOfStep(step));
    session.setPlacing(step.a % 2 ? 1 : 2);
    session.place(step.a, step.b);
    session.setPlacing(0);
  },
  swap: (session, step, { id }) => {
    session.select(id, jointOfStep(step));
    session.swap(step.a % 2 === 0);
  },
  remove: (session, step, { id }) => {
    session.select(id, jointOfStep(step));
    session.removeJoint();
  },
  accept: (session, _step, { id }) => {
    session.select(id, null);
    session.acceptPerson();
  },
  remove_person: (session, _step, { id, deleted }) => session.removePerson(id, !deleted),
  box: (session, step, { id }) => session.setBox(id, boxOf(step)),
  fit_box: (session, _step, { id }) => {
    session.select(id, null);
    session.fitBox();
  },
  move_all: (session, step, { id }) => session.moveAll(id, step.a - 50, step.b - 50),
  draw: (session, step) => {
    session.setBoxing(true);
    session.drawnBox(boxOf(step));
    session.setBoxing(false);
  },
  prefill: (session, step, { id }) => {
    // Without a server a new person gets no id, and a model waits seconds for it.
    if (session.idOf(id) < 0 && !(/** @type {any} */ (session.api).reachable)) return undefined;
    session.select(id, null);
    return session.prefillPerson(step.a % 2 === 0);
  },
  copy: (session) => session.copyPrevious(),
  submit: (session) => {
    const done = { before: session.doc?.image.status ?? "unlabelled", after: /** @type {const} */ ("done"), reason: { before: null, after: null } };
    session.apply({ action: "submit", label: "submit image", changes: [], status: done });
  },
  status: (session, step) => session.setStatus(step.a % 2 ? "done" : "in_progress"),
};

const steps = fc.array(
  fc.record({ name: fc.constantFrom(...Object.keys(ACTIONS)), who: fc.nat(7), which: fc.nat(4), a: fc.nat(99), b: fc.nat(79) }),
  { minLength: 1, maxLength: 25 },
);

/** What an image shows: its people, in any state but deleted for good measure, and where it stands. @param {Session} session @param {readonly number[]} [known] */
function state(session, known) {
  // A person who was made and taken back stays in the image as a deleted one.
  const people = shown(session).filter((p) => !known || known.includes(p.id) || !p.deleted);
  return { people, status: session.doc?.image.status };
}

/** @returns {ImageDoc[]} */
function images() {
  const guesses = person(2, { box: [0, 0, 30, 30], joints: { ...person(2).joints, head: joint(3, 4, { source: "predicted", confidence: 0.9 }) } });
  return [doc([person(9)], 1, "done"), doc([person(1), guesses, person(3, { crowd: true })], 2, "in_progress")];
}

async function start() {
  const { session, server } = await sessionOf(images());
  await session.open(2);
  return { session, server };
}

/** Takes a step, on somebody where there is anybody; says how many edits it made. @param {Session} session @param {Step} step */
async function take(session, step) {
  const somebody = target(session, step);
  const before = session.history.undoable;
  if (somebody || step.name === "draw") await ACTIONS[step.name]?.(session, step, /** @type {Person} */ (somebody));
  return session.history.undoable !== before;
}

/** Every person, by the id that the server gives: those of the fake one come in order. @param {Session} session @param {{people: {id: number}[]}} before */
function renamed(session, before) {
  return { ...before, people: before.people.map((p) => ({ ...p, id: session.idOf(p.id) })) };
}

/** Waits until the server has everything. @param {Session} session */
async function drained(session) {
  for (let i = 0; i < 50 && session.outbox.waiting.length; i++) await settle();
  assert.equal(session.outbox.state.waiting, 0);
}

/** People as the server keeps them: without confidences. @param {readonly Person[]} people */
function plain(people) {
  return people.map(({ id, box, deleted, joints }) => ({
    id, box, deleted, joints: Object.fromEntries(Object.entries(joints).map(([name, { x, y, v, source }]) => [name, { x, y, v, source }])),
  }));
}

test("n edits and n undos give the start, n redos the end: every action, new people and copies among them", async () => {
  await fc.assert(
    fc.asyncProperty(steps, fc.boolean(), async (sequence, answers) => {
      const { session, server } = await start();
      server.reachable = answers;
      if (!answers) server.predict = async () => server.guess; // The labels cannot be saved, the model answers.
      const states = [state(session)];
      for (const step of sequence) if (await take(session, step)) states.push(state(session));
      if (answers) await settle();
      const first = /** @type {typeof states[0]} */ (states[0]).people.map((p) => p.id);
      for (const expected of states.slice(0, -1).reverse()) {
        session.undo();
        const known = [...first, ...expected.people.map((p) => session.idOf(p.id))];
        assert.deepEqual(state(session, known), renamed(session, expected));
      }
      session.undo();
      assert.equal(session.notice?.text, "Nothing to undo.");
      for (const expected of states.slice(1)) {
        session.redo();
        const known = expected.people.map((p) => session.idOf(p.id));
        assert.deepEqual(state(session, known), renamed(session, expected));
      }
      session.redo();
      assert.equal(session.notice?.text, "Nothing to redo.");
      server.reachable = true;
      session.outbox.retry();
      await drained(session);
      assert.deepEqual(plain(session.doc?.people ?? []), plain(server.docs.get(2)?.people ?? []));
    }),
    RUNS,
  );
});

test("random edits, undos and redos: the server ends with what the labeller sees, and every joint has a place or no label", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(fc.constantFrom("edit", "edit", "undo", "redo", "wait"), steps), { maxLength: 12 }), async (turns) => {
      const { session, server } = await start();
      for (const [turn, sequence] of turns) {
        if (turn === "undo") session.undo();
        else if (turn === "redo") session.redo();
        else if (turn === "wait") await settle();
        else for (const step of sequence.slice(0, 3)) await take(session, step);
      }
      await drained(session);
      const truth = server.docs.get(2);
      assert.deepEqual(plain(session.doc?.people ?? []), plain(truth?.people ?? []));
      assert.equal(session.doc?.image.status, truth?.image.status);
      for (const p of session.doc?.people ?? []) {
        for (const j of Object.values(p.joints)) assert.ok(j.v !== 0 || (j.x === 0 && j.y === 0));
      }
    }),
    RUNS,
  );
});

test("undo never crosses images: what was done elsewhere stays", async () => {
  await fc.assert(
    fc.asyncProperty(steps, steps, async (there, here) => {
      const { session } = await start();
      for (const step of there) await take(session, step);
      await settle();
      const left = state(session);
      await session.open(1);
      const before = state(session);
      for (const step of here) if (step.name !== "copy") await take(session, step);
      for (let i = 0; i <= here.length; i++) session.undo();
      assert.deepEqual(state(session, before.people.map((p) => p.id)), before);
      assert.equal(session.notice?.text, "Nothing to undo.");
      await settle();
      await session.open(2);
      assert.deepEqual(state(session), renamed(session, left));
    }),
    { ...RUNS, numRuns: 30 },
  );
});
