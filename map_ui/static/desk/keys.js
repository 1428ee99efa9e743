/**
 * Single keys, as the help lists them. They do nothing while somebody types, and a person can
 * turn them off (WCAG 2.1.4), because speech input and a leaning elbow press them too.
 */

const OFF = "single-keys-off";

export class Keys {
  /** @param {Record<string, () => void>} acts by lower-case key */
  constructor(acts, toggle) {
    this._acts = acts;
    toggle.checked = this.on;
    toggle.addEventListener("change", () => {
      localStorage.setItem(OFF, String(!toggle.checked));
      this._mark();
    });
    document.addEventListener("keydown", (event) => this._pressed(event));
    this._mark();
  }

  get on() {
    return localStorage.getItem(OFF) !== "true";
  }

  _pressed(event) {
    if (!this.on || event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
    if (event.target.closest("input, textarea, select, dialog[open]")) return;
    const act = this._acts[event.key.toLowerCase()];
    if (!act) return;
    event.preventDefault();
    act();
  }

  /** Buttons show their key only while it works. */
  _mark() {
    document.body.classList.toggle("keys-off", !this.on);
  }
}
