/** Key combinations as text ("Ctrl+Shift+Z"), and the one that an event stands for. */

/** @typedef {{key: string, code?: string, ctrlKey?: boolean, metaKey?: boolean, altKey?: boolean, shiftKey?: boolean}} KeyLike */

/** @type {Readonly<Record<string, string>>} */
const NAMES = {
  " ": "Space",
  ArrowLeft: "Left",
  ArrowRight: "Right",
  ArrowUp: "Up",
  ArrowDown: "Down",
  Escape: "Esc",
};

/**
 * The combination of an event. Letters are named by what is printed on the key; on a keyboard without Latin letters, by where
 * the key lies. A digit is one whether the keyboard wants Shift for it (French) or not. The key left of 1 is "`" whatever is
 * printed there. Shift is left out of signs that need it to be typed, such as "?". Command counts as Ctrl.
 * @param {KeyLike} event @returns {string}
 */
export function combinationOf(event) {
  let key = NAMES[event.key] ?? event.key;
  let shift = event.shiftKey ?? false;
  const letter = /^(?:Key|Digit)(.)$/.exec(event.code ?? "")?.[1];
  if (isBackquote(event)) key = "`";
  else if (/^Digit/.test(event.code ?? "") && letter && !shift && /^[^a-z0-9]$/i.test(key)) key = letter;
  else if (/^[a-z]$/i.test(key)) key = key.toUpperCase();
  else if (letter && key.length === 1 && key.charCodeAt(0) > 126) key = letter;
  else if (key.length === 1) shift = false;
  const parts = [];
  if (event.ctrlKey || event.metaKey) parts.push("Ctrl");
  if (event.altKey) parts.push("Alt");
  if (shift) parts.push("Shift");
  parts.push(key);
  return parts.join("+");
}

/** The key left of 1; an ISO keyboard of a Mac gives that key another code. @param {KeyLike} event */
function isBackquote({ code, key }) {
  return code === "Backquote" || key === "`" || (code === "IntlBackslash" && /^[§±]$/.test(key));
}

/**
 * What stands on the keys, for tooltips and the help sheet.
 * @param {string} combination
 */
export function keycaps(combination) {
  /** @type {Readonly<Record<string, string>>} */
  const signs = { Left: "←", Right: "→", Up: "↑", Down: "↓", Delete: "Del", Backspace: "⌫" };
  return combination.split("+").map((part) => signs[part] ?? part);
}
