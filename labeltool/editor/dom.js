/** Making elements, in few words. */

/**
 * An element with attributes, listeners and children. `on...` names a listener, `true` an empty attribute; null and false are
 * left out. Text is always text, never markup.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} name
 * @param {Readonly<Record<string, string | number | boolean | null | undefined | ((event: any) => void)>>} [attributes]
 * @param {...(Node | string | null)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function el(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : String(value));
  }
  for (const child of children) if (child !== null) element.append(child);
  return element;
}

/**
 * Gives the keys back once a pointer has chosen from a list: with the focus there, letters would go on choosing. Whoever chooses
 * by keyboard stays in the list.
 * @param {HTMLSelectElement} list @param {() => void} giveBack
 */
export function giveKeysBack(list, giveBack) {
  let pointed = false;
  list.addEventListener("pointerdown", () => (pointed = true));
  list.addEventListener("keydown", () => (pointed = false));
  list.addEventListener("change", () => {
    if (pointed) giveBack();
    pointed = false;
  });
}

/**
 * Sets an element's text, and touches the page only when it differs.
 * @param {Element} element @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Sets or removes an attribute, and touches the page only when it differs.
 * @param {Element} element @param {string} name @param {string | null} value
 */
export function setAttribute(element, name, value) {
  if (element.getAttribute(name) === value) return;
  if (value === null) element.removeAttribute(name);
  else element.setAttribute(name, value);
}

/** Paths of the icons, on a 16 x 16 grid, drawn with the text's colour. */
const ICONS = {
  previous: "M10 3 5 8l5 5",
  next: "M6 3l5 5-5 5",
  undo: "M6 3 3 6l3 3 M3 6h6.5a3.5 3.5 0 0 1 0 7H7",
  redo: "M10 3l3 3-3 3 M13 6H6.5a3.5 3.5 0 0 0 0 7H9",
  fitPerson: "M2 5V2h3 M11 2h3v3 M14 11v3h-3 M5 14H2v-3 M8 4.6a1.4 1.4 0 1 0 .01 0 M5.4 12V9.6a2.6 2.6 0 0 1 5.2 0V12",
  fitImage: "M2 5V2h3 M11 2h3v3 M14 11v3h-3 M5 14H2v-3 M4.5 11.5l2.5-3 2 2 1.5-1.5 1 2.5z",
  check: "M3 8.5 6.5 12 13 4.5",
  swap: "M3 5.5h9 M9.5 3 12 5.5 9.5 8 M13 10.5H4 M6.5 8 4 10.5 6.5 13",
  trash: "M3 4.5h10 M6.5 4.5v-2h3v2 M4.5 4.5l.6 9h5.8l.6-9 M6.8 7v4 M9.2 7v4",
  restore: "M3 8a5 5 0 1 1 1.6 3.7 M3 4.5V8h3.5",
  lock: "M4 7.5h8v6H4z M5.5 7.5v-2a2.5 2.5 0 0 1 5 0v2",
  place: "M8 2v4 M8 10v4 M2 8h4 M10 8h4 M8 7.6a.4.4 0 1 0 .01 0",
  adjust: "M2 4.5h6 M11.5 4.5H14 M9.75 2.8v3.4 M2 11.5h2.5 M8 11.5h6 M6.25 9.8v3.4",
  search: "M7 2.5a4.5 4.5 0 1 0 .01 0 M10.3 10.3 14 14",
  flag: "M4 14V2.5 M4 3h8.5l-2 2.75 2 2.75H4",
  newPerson: "M2 5V2h3 M9 2h3v3 M2 9v3h3 M12 8.5v7 M8.5 12h7",
  copy: "M5.5 5.5h8v8h-8z M10.5 5.5v-3h-8v8h3",
  fitBox: "M2.5 2.5h11v11h-11z M8 5a1.2 1.2 0 1 0 .01 0 M5.5 8h5 M8 7.4V10 M6 12l2-2 2 2",
  prefill: "M3 13 10.5 5.5 M9 4l3 3 M12.5 1.5v3 M11 3h3 M4 3v2 M3 4h2 M13 10v2 M12 11h2",
  warning: "M8 2.5 14.5 13.5h-13z M8 6.5v3.2 M8 11.6v.2",
};

/** @typedef {keyof typeof ICONS} IconName */

/**
 * A line icon that takes the colour of the text around it.
 * @param {IconName} name @returns {SVGSVGElement}
 */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  for (const [key, value] of Object.entries({ viewBox: "0 0 16 16", width: "16", height: "16", "aria-hidden": "true", class: "icon" })) {
    svg.setAttribute(key, value);
  }
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}
