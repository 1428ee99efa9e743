/** A field that finds something by its name: typed, chosen from a list with mouse or keys. */

import { element } from "/static/pages/dom.js";
import { say } from "/static/pages/words.js";

const WAIT_MS = 200;

/** Dispatches `choose` with `detail` what was chosen. */
export class Picker extends EventTarget {
  /**
   * @param {HTMLInputElement} field the combobox; its list is named by aria-controls
   * @param {(search: string) => Promise<object[]>} find
   * @param {(found: object) => {name: string, about: string}} shown
   */
  constructor(field, find, shown) {
    super();
    this._field = field;
    this._list = document.getElementById(field.getAttribute("aria-controls"));
    this._find = find;
    this._shown = shown;
    this._found = [];
    this._at = -1;
    field.addEventListener("input", () => this._typed());
    field.addEventListener("focus", () => field.select());
    field.addEventListener("keydown", (event) => this._key(event));
    field.addEventListener("blur", () => this._close());
  }

  /** Show a name in the field without asking for anything. */
  set name(name) {
    this._field.value = name;
    this._close();
  }

  _typed() {
    clearTimeout(this._waiting);
    this._waiting = setTimeout(() => void this._ask(), WAIT_MS);
  }

  async _ask() {
    const search = this._field.value.trim();
    if (search === "") {
      this._close();
      return;
    }
    const found = await this._find(search).catch(() => []);
    if (search !== this._field.value.trim() || document.activeElement !== this._field) return;
    this._found = found;
    this._at = -1;
    this._draw();
  }

  _draw() {
    const rows = this._found.map((each, at) => {
      const { name, about } = this._shown(each);
      const row = element(
        "li",
        { role: "option", id: `${this._list.id}-${at}`, "aria-selected": String(at === this._at) },
        element("span", {}, name),
        element("span", { class: "quiet" }, about),
      );
      // The field must not lose the focus before the click has come.
      row.addEventListener("pointerdown", (event) => event.preventDefault());
      row.addEventListener("click", () => this._choose(at));
      return row;
    });
    if (rows.length === 0) {
      rows.push(element("li", { role: "option", "aria-disabled": "true", "aria-selected": "false", class: "quiet" }, say("Nothing is called so.")));
    }
    this._list.replaceChildren(...rows);
    this._list.hidden = false;
    this._field.setAttribute("aria-expanded", "true");
    if (this._at >= 0) {
      this._field.setAttribute("aria-activedescendant", `${this._list.id}-${this._at}`);
      rows[this._at].scrollIntoView({ block: "nearest" });
    } else this._field.removeAttribute("aria-activedescendant");
  }

  _key(event) {
    const open = !this._list.hidden;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (!open) {
        this._typed();
        return;
      }
      const many = this._found.length;
      if (many) this._at = (this._at + (event.key === "ArrowDown" ? 1 : -1) + many + (this._at < 0 && event.key === "ArrowUp" ? 1 : 0)) % many;
      this._draw();
    } else if (event.key === "Enter") {
      event.preventDefault();
      if (open && this._found.length) this._choose(Math.max(0, this._at));
    } else if (event.key === "Escape" && open) {
      event.stopPropagation();
      this._close();
    }
  }

  _choose(at) {
    const chosen = this._found[at];
    this.name = this._shown(chosen).name;
    this.dispatchEvent(new CustomEvent("choose", { detail: chosen }));
  }

  _close() {
    clearTimeout(this._waiting);
    this._list.hidden = true;
    this._field.setAttribute("aria-expanded", "false");
    this._field.removeAttribute("aria-activedescendant");
  }
}
