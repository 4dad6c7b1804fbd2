/** Drawing: a scene in, pixels out. Nothing is remembered here and nothing is changed. */

import { bandOf, HALO, limbSide, SIDE_COLOURS, THEIRS } from "./colours.js";
import { jointOf, sameJoint, say } from "./edits.js";
import { boxToScreen, extent, handlesOf, toScreen } from "./geometry.js";

/** @import {Side} from "./colours.js" */
/** @import {ReadyPhoto} from "./photos.js" */
/** @import {Preview, Selection} from "./session.js" */
/** @import {Tiles} from "./tiles.js" */
/** @import {Box, ImageDoc, Joint, JointRef, Person, Size, Skeleton, View} from "./types.js" */

/**
 * @typedef {Readonly<{
 *   doc: ImageDoc, skeleton: Skeleton, sides: Map<string, Side>, view: View, selection: Selection, hover: JointRef | null,
 *   preview: Preview | null, theirs: readonly Person[], boxes: boolean, held: Person | null, drawn: Box | null,
 * }>} Scene
 *   `theirs`: other labellers' versions of people in `doc`, of which what differs is drawn. `boxes`: are boxes shown? `held`: the
 *   selected person as it is on its way, `drawn`: the box of a new person that is being drawn.
 */

const FONT = "600 12px system-ui, sans-serif";

/**
 * The photo, with sharp pixels once they are large enough to be looked at one by one.
 * @param {CanvasRenderingContext2D} ctx @param {ReadyPhoto} photo @param {Tiles | null} tiles its finer parts
 * @param {View} view @param {Size} canvas CSS pixels @param {number} ratio device pixels to a CSS pixel
 */
export function drawPhoto(ctx, photo, tiles, view, canvas, ratio) {
  const { bitmap, width, height } = photo;
  if (bitmap.width === 0) return; // Closed: it was dropped while the labeller moved on.
  const pixel = (view.scale * ratio * width) / bitmap.width;
  ctx.imageSmoothingEnabled = pixel < 4 || bitmap.width < width;
  // Below a third the finer filter is needed, which takes four times as long.
  ctx.imageSmoothingQuality = pixel < 0.35 ? "medium" : "low";
  ctx.drawImage(bitmap, view.tx, view.ty, width * view.scale, height * view.scale);
  tiles?.draw(ctx, view, canvas, ratio);
}

/**
 * What stands where a photo cannot be shown.
 * @param {CanvasRenderingContext2D} ctx @param {Size} size photo pixels @param {View} view @param {boolean} broken or only not there yet
 */
export function drawPlaceholder(ctx, size, view, broken) {
  const [x, y, w, h] = [view.tx, view.ty, size.width * view.scale, size.height * view.scale];
  ctx.fillStyle = "rgba(255, 255, 255, 0.06)";
  ctx.fillRect(x, y, w, h);
  if (!broken) return;
  ctx.strokeStyle = "rgba(255, 255, 255, 0.22)";
  ctx.lineWidth = 1.5;
  ctx.setLineDash([8, 6]);
  ctx.strokeRect(x, y, w, h);
  ctx.beginPath();
  line(ctx, [x, y], [x + w, y + h]);
  line(ctx, [x, y + h], [x + w, y]);
  ctx.stroke();
  ctx.setLineDash([]);
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
  const person = scene.held ?? scene.doc.people.find((p) => p.id === scene.selection.person);
  if (person && !person.deleted && !person.crowd) {
    drawPerson(ctx, scene, person, true);
    if (person.box && handlesShown(scene, person)) drawHandles(ctx, scene.view, person.box);
  }
  if (scene.drawn) drawBox(ctx, boxToScreen(scene.view, scene.drawn), true, [6, 4]);
  for (const theirs of scene.theirs) drawTheirs(ctx, scene, theirs);
  drawNames(ctx, scene);
}

/**
 * Are the handles of the selected person's box there to be taken hold of?
 * @param {Readonly<{boxes: boolean}>} scene @param {Person} person
 */
export function handlesShown({ boxes }, person) {
  return person.box !== null && (boxes || !Object.values(person.joints).some((joint) => joint.v > 0));
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
  if (person.box && (scene.boxes || (selected && handlesShown(scene, person)))) {
    drawBox(ctx, boxToScreen(scene.view, person.box), selected);
  }
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
      dash: limbDash(a, b),
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
  for (const { a, b, colour, dash } of limbs) {
    ctx.strokeStyle = colour;
    ctx.setLineDash(dash);
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
  const band = bandOf(joint);
  if (band === "label") return;
  if (band !== "sure") ring(ctx, x, y, radius * 1.4 + 3, colour, [4, 3], 2);
  if (band === "doubtful") ring(ctx, x, y, radius * 1.4 + 8, colour, [4, 3], 2);
  if (band === "sure") ring(ctx, x, y, radius + 2.5, colour, [2, 3], 1.25);
}

/**
 * @param {CanvasRenderingContext2D} ctx @param {number} x @param {number} y @param {number} radius @param {string} colour
 * @param {number[]} dash @param {number} width
 */
function ring(ctx, x, y, radius, colour, dash, width) {
  ctx.beginPath();
  ctx.arc(x, y, radius, 0, Math.PI * 2);
  ctx.strokeStyle = HALO;
  ctx.lineWidth = width + 1.5;
  ctx.stroke();
  ctx.setLineDash(dash);
  ctx.strokeStyle = colour;
  ctx.lineWidth = width;
  ctx.stroke();
  ctx.setLineDash([]);
}

/**
 * Dashes say that an end of the limb is only predicted, dots that it is hidden.
 * @param {Joint} a @param {Joint} b @returns {number[]}
 */
function limbDash(a, b) {
  const predicted = a.source === "predicted" || b.source === "predicted";
  const hidden = a.v === 1 || b.v === 1;
  if (predicted) return hidden ? [6, 5, 0.1, 5] : [6, 5];
  return hidden ? [0.1, 5] : [];
}

/**
 * @param {CanvasRenderingContext2D} ctx @param {readonly [number, number, number, number]} box @param {boolean} selected
 * @param {number[]} [dash]
 */
function drawBox(ctx, [x, y, w, h], selected, dash = []) {
  ctx.globalAlpha = selected ? 0.9 : 0.4;
  ctx.strokeStyle = HALO;
  ctx.lineWidth = 3;
  ctx.strokeRect(x, y, w, h);
  ctx.strokeStyle = "#ffffff";
  ctx.lineWidth = 1;
  ctx.setLineDash(dash);
  ctx.strokeRect(x, y, w, h);
  ctx.setLineDash([]);
  ctx.globalAlpha = 1;
}

/** @param {CanvasRenderingContext2D} ctx @param {View} view @param {Box} box */
function drawHandles(ctx, view, box) {
  ctx.fillStyle = "#ffffff";
  ctx.strokeStyle = HALO;
  ctx.lineWidth = 1.5;
  for (const { x, y } of handlesOf(view, box)) {
    ctx.fillRect(x - 3.5, y - 3.5, 7, 7);
    ctx.strokeRect(x - 3.5, y - 3.5, 7, 7);
  }
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
