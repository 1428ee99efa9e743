/** Making elements without ever parsing a string: what a device says is only ever text. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * An element with attributes and children.
 *
 * Strings become text nodes; null and undefined children are left out, as are attributes that
 * are null, undefined or false. `onClick`-like attributes are listeners.
 */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2).toLowerCase(), value);
    else made.setAttribute(key, value === true ? "" : String(value));
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}

/** A picture from the page's sprite. It says nothing to a screen reader; words stand beside it. */
export function icon(name) {
  const picture = document.createElementNS(SVG, "svg");
  picture.setAttribute("class", "icon");
  picture.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#icon-${name}`);
  picture.append(use);
  return picture;
}

/** Change an element's text only when it differs, so that screen readers are not told again. */
export function setText(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

export const byId = (id) => document.getElementById(id);
