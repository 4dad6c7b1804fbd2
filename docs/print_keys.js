/**
 * Prints the table of docs/guide/keys.md from the registry of actions: `node docs/print_keys.js`. With `--write` it puts the
 * table into the guide. A test compares the two.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { GESTURES, GROUPS, keyName, sheetLines } from "../labeltool/editor/actions.js";
import { PRESETS } from "../labeltool/editor/presets.js";

/** @import {PresetName} from "../labeltool/editor/presets.js" */

/** Where the guide is. */
export const GUIDE = fileURLToPath(new URL("guide/keys.md", import.meta.url));

const BEGIN = "<!-- keys: made by docs/print_keys.js -->";
const END = "<!-- end of keys -->";

/** The tables of all keys in every preset, and of what the pointer does, as Markdown. */
export function tables() {
  const names = /** @type {PresetName[]} */ (Object.keys(PRESETS));
  const lines = [];
  for (const group of GROUPS) {
    lines.push(`### ${group}`, "", row(["action", ...names.map((name) => PRESETS[name].label)]), row(["---", ...names.map(() => "---")]));
    const byPreset = names.map((name) => new Map(sheetLines(group, name).map(({ label, keys }) => [label, keys])));
    for (const { label, keys } of sheetLines(group, "labeltool")) {
      const cells = byPreset.map((known, i) => {
        const here = known.get(label) ?? [];
        return i > 0 && String(here) === String(keys) ? "" : here.map((key) => `\`${ticked(keyName(key))}\``).join(" ");
      });
      lines.push(row([label, ...cells]));
    }
    lines.push("");
  }
  lines.push("### Pointer", "", row(["gesture", "what it does"]), row(["---", "---"]));
  for (const { gesture, label } of GESTURES) lines.push(row([gesture, label]));
  return lines.join("\n");
}

/**
 * The guide with the tables put between its two marks.
 * @param {string} guide
 */
export function withTables(guide) {
  const [from, to] = [guide.indexOf(BEGIN), guide.indexOf(END)];
  if (from < 0 || to < from) throw new Error(`${GUIDE}: expected the marks ${BEGIN} and ${END}`);
  return `${guide.slice(0, from)}${BEGIN}\n\n${tables()}\n\n${guide.slice(to)}`;
}

/** @param {readonly string[]} cells */
function row(cells) {
  return `| ${cells.join(" | ")} |`;
}

/** A backquote in code needs longer fences and spaces around it. @param {string} key */
function ticked(key) {
  return key.includes("`") ? `\` ${key} \`` : key;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.argv.includes("--write")) writeFileSync(GUIDE, withTables(readFileSync(GUIDE, "utf8")));
  else process.stdout.write(`${tables()}\n`);
}
