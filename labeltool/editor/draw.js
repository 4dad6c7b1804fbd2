/** Drawing: a scene in, pixels out. Nothing is remembered here and nothing is changed. */

import { HALO, limbSide, SIDE_COLOURS, THEIRS } from "./colours.js";
import { jointOf, sameJoint, say } from "./edits.js";
import { boxToScreen, extent, toScreen } from "./geometry.js";

/** @import {Side} from "./colours.js" */
/** @import {Preview, Selection} from "./session.js" */
/** @import {ImageDoc, Joint, JointRef, Person, Size, Skeleton, View} from "./types.js" */

/**
 * @typedef {Readonly<{
 *   doc: ImageDoc, skeleton: Skeleton, sides: Map<string, Side>, view: View, selection: Selection, hover: JointRef | null,
 *   preview: Preview | null, theirs: readonly Person[],
 * }>} Scene
 *   `theirs`: other labellers' versions of people in `doc`, of which what differs is drawn.
 */

const FONT = "600 12px system-ui, sans-serif";

/**
 * The photo, with sharp pixels once they are large enough to be looked at one by one.
 * @param {CanvasRenderingContext2D} ctx @param {CanvasImageSource} photo @param {Size} size photo pixels @param {View} view
 * @param {number} ratio device pixels to a CSS pixel
 */
export function drawPhoto(ctx, photo, size, view, ratio) {
  ctx.imageSmoothingEnabled = view.scale * ratio < 4;
  ctx.imageSmoothingQuality = view.scale * ratio < 1 ? "medium" : "low";
  ctx.drawImage(photo, view.tx, view.ty, size.width * view.scale, size.height * view.scale);
}

/**
 * Everybody but the selected person: what stays as it is while a joint is dragged.
 * @param {CanvasRenderingContext2D} ctx @param {Scene} scene
 */
export function drawOthers(ctx, scene) {
  const people = scene.doc.people.filter((person) => !person.deleted && person.id !== scene.selection.person);
  for (const person of people) if (person.crowd) drawCrowd(ctx, scene, person);
  for (const person of people) if (!person.crowd) drawPerson(ctx, scene, person, false);
}

/**
 * The selected person, other labellers' versions, and the name of the joint that a key would act on.
 * @param {CanvasRenderingContext2D} ctx @param {Scene} scene
 */
export function drawSelected(ctx, scene) {
  const person = scene.doc.people.find((p) => p.id === scene.selection.person);
  if (person && !person.deleted && !person.crowd) drawPerson(ctx, scene, person, true);
  for (const theirs of scene.theirs) drawTheirs(ctx, scene, theirs);
  drawNames(ctx, scene);
}

/** @param {Scene} scene @param {Person} person @param {string} name @returns {Joint} */
function shown(scene, person, name) {
  const joint = jointOf(person, name);
  const { preview } = scene;
  return preview?.person === person.id && preview.joint === name ? { ...joint, x: preview.x, y: preview.y } : joint;
}

/** @param {CanvasRenderingContext2D} ctx @param {Scene} scene @param {Person} person @param {boolean} selected */
function drawPerson(ctx, scene, person, selected) {
  ctx.save();
  if (person.box) drawBox(ctx, boxToScreen(scene.view, person.box), selected);
  ctx.globalAlpha = selected ? 1 : 0.6;
  ctx.lineCap = "round";
  const limbs = [];
  for (const [from, to] of scene.skeleton.limbs) {
    const [a, b] = [shown(scene, person, from), shown(scene, person, to)];
    if (a.v === 0 || b.v === 0) continue;
    limbs.push({
      a: toScreen(scene.view, a.x, a.y),
      b: toScreen(scene.view, b.x, b.y),
      colour: SIDE_COLOURS[limbSide(scene.sides, from, to)],
      hidden: a.v === 1 || b.v === 1,
    });
  }
  const size = sizeOnScreen(scene, person);
  const width = selected ? Math.min(Math.max(size * 0.018, 1.25), 2.5) : 1.5;
  ctx.strokeStyle = HALO;
  ctx.lineWidth = width + 2;
  ctx.beginPath();
  for (const { a, b } of limbs) line(ctx, a, b);
  ctx.stroke();
  ctx.lineWidth = width;
  for (const { a, b, colour, hidden } of limbs) {
    ctx.strokeStyle = colour;
    ctx.setLineDash(hidden ? [5, 5] : []);
    ctx.beginPath();
    line(ctx, a, b);
    ctx.stroke();
  }
  ctx.setLineDash([]);
  const radius = Math.min(Math.max(size * 0.035, 2.5), selected ? 5 : 3.5);
  for (const name of scene.skeleton.joints) {
    const joint = shown(scene, person, name);
    if (joint.v !== 0) drawJoint(ctx, scene, joint, scene.sides.get(name) ?? "middle", radius);
  }
  ctx.restore();
}

/** The longer side of a person in CSS pixels: people seen from afar get small signs. @param {Scene} scene @param {Person} person */
function sizeOnScreen(scene, person) {
  const around = extent(person.joints, person.box);
  return around ? Math.max(around[2], around[3]) * scene.view.scale : 0;
}

/** @param {CanvasRenderingContext2D} ctx @param {Scene} scene @param {Joint} joint @param {Side} side @param {number} radius */
function drawJoint(ctx, scene, joint, side, radius) {
  const [x, y] = toScreen(scene.view, joint.x, joint.y);
  const colour = SIDE_COLOURS[side];
  ctx.beginPath();
  ctx.arc(x, y, radius, 0, Math.PI * 2);
  if (joint.v === 2) {
    ctx.fillStyle = colour;
    ctx.fill();
    ctx.strokeStyle = HALO;
    ctx.lineWidth = 1.5;
    ctx.stroke();
  } else {
    ctx.strokeStyle = HALO;
    ctx.lineWidth = 4.5;
    ctx.stroke();
    ctx.strokeStyle = colour;
    ctx.lineWidth = 2;
    ctx.stroke();
  }
  if (joint.source !== "predicted") return;
  ctx.beginPath();
  ctx.arc(x, y, radius * 1.4 + 2, 0, Math.PI * 2);
  ctx.strokeStyle = HALO;
  ctx.lineWidth = 3;
  ctx.stroke();
  ctx.setLineDash([3, 3]);
  ctx.strokeStyle = colour;
  ctx.lineWidth = 1.5;
  ctx.stroke();
  ctx.setLineDash([]);
}

/** @param {CanvasRenderingContext2D} ctx @param {readonly [number, number, number, number]} box @param {boolean} selected */
function drawBox(ctx, [x, y, w, h], selected) {
  ctx.globalAlpha = selected ? 0.9 : 0.4;
  ctx.strokeStyle = HALO;
  ctx.lineWidth = 3;
  ctx.strokeRect(x, y, w, h);
  ctx.strokeStyle = "#ffffff";
  ctx.lineWidth = 1;
  ctx.strokeRect(x, y, w, h);
}

/** @param {CanvasRenderingContext2D} ctx @param {Scene} scene @param {Person} person */
function drawCrowd(ctx, scene, person) {
  if (!person.box) return;
  const [x, y, w, h] = boxToScreen(scene.view, person.box);
  ctx.save();
  ctx.beginPath();
  ctx.rect(x, y, w, h);
  ctx.clip();
  ctx.globalAlpha = 0.35;
  ctx.strokeStyle = "#ffffff";
  ctx.lineWidth = 1;
  ctx.beginPath();
  for (let offset = -h; offset < w; offset += 12) line(ctx, [x + offset, y + h], [x + offset + h, y]);
  ctx.stroke();
  ctx.restore();
  ctx.save();
  ctx.setLineDash([6, 4]);
  ctx.globalAlpha = 0.8;
  ctx.strokeStyle = "#ffffff";
  ctx.strokeRect(x, y, w, h);
  ctx.restore();
  if (w > 80 && h > 24) tag(ctx, "crowd, locked", x + 6, y + 16, "#e6e6e6");
}

/** @param {CanvasRenderingContext2D} ctx @param {Scene} scene @param {Person} theirs */
function drawTheirs(ctx, scene, theirs) {
  const mine = scene.doc.people.find((p) => p.id === theirs.id);
  const differs = (/** @type {string} */ name) => !mine || !sameJoint(jointOf(mine, name), jointOf(theirs, name));
  ctx.save();
  ctx.strokeStyle = THEIRS;
  ctx.lineWidth = 1.5;
  ctx.setLineDash([4, 3]);
  ctx.beginPath();
  for (const [from, to] of scene.skeleton.limbs) {
    const [a, b] = [jointOf(theirs, from), jointOf(theirs, to)];
    if (a.v === 0 || b.v === 0 || !(differs(from) || differs(to))) continue;
    line(ctx, toScreen(scene.view, a.x, a.y), toScreen(scene.view, b.x, b.y));
  }
  ctx.stroke();
  ctx.setLineDash([]);
  ctx.lineWidth = 2.5;
  ctx.beginPath();
  for (const [name, joint] of Object.entries(theirs.joints)) {
    if (joint.v === 0 || !differs(name)) continue;
    const [x, y] = toScreen(scene.view, joint.x, joint.y);
    line(ctx, [x - 5, y - 5], [x + 5, y + 5]);
    line(ctx, [x - 5, y + 5], [x + 5, y - 5]);
  }
  ctx.stroke();
  ctx.restore();
}

/** @param {CanvasRenderingContext2D} ctx @param {Scene} scene */
function drawNames(ctx, scene) {
  const { person, joint } = scene.selection;
  const refs = [];
  if (person !== null && joint !== null) refs.push({ person, joint, ring: "#ffffff" });
  const { hover } = scene;
  if (hover && (hover.person !== person || hover.joint !== joint)) refs.push({ ...hover, ring: "rgba(255, 255, 255, 0.7)" });
  for (const ref of refs) {
    const found = scene.doc.people.find((p) => p.id === ref.person);
    const at = found && shown(scene, found, ref.joint);
    if (!at || at.v === 0) continue;
    const [x, y] = toScreen(scene.view, at.x, at.y);
    ctx.beginPath();
    ctx.arc(x, y, 11, 0, Math.PI * 2);
    ctx.strokeStyle = HALO;
    ctx.lineWidth = 4;
    ctx.stroke();
    ctx.strokeStyle = ref.ring;
    ctx.lineWidth = 2;
    ctx.stroke();
    if (!scene.preview) tag(ctx, say(ref.joint), x + 17, y - 9, SIDE_COLOURS[scene.sides.get(ref.joint) ?? "middle"]);
  }
}

/** @param {CanvasRenderingContext2D} ctx @param {string} text @param {number} x @param {number} y @param {string} colour */
function tag(ctx, text, x, y, colour) {
  ctx.save();
  ctx.font = FONT;
  const width = ctx.measureText(text).width;
  ctx.fillStyle = "rgba(16, 18, 22, 0.82)";
  ctx.beginPath();
  ctx.roundRect(x - 5, y - 13, width + 10, 18, 4);
  ctx.fill();
  ctx.fillStyle = colour;
  ctx.fillText(text, x, y);
  ctx.restore();
}

/** @param {CanvasRenderingContext2D} ctx @param {readonly [number, number]} a @param {readonly [number, number]} b */
function line(ctx, a, b) {
  ctx.moveTo(a[0], a[1]);
  ctx.lineTo(b[0], b[1]);
}
