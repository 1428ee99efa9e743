/** The buttons over the map while somebody draws, and the keys that undo and redo. */

import { byId, setText } from "/static/pages/dom.js";

import { corners } from "./shape.js";
import { drawHint } from "./wording.js";

export class Tools {
  constructor(draft, sketch) {
    this._draft = draft;
    this._sketch = sketch;
    this._buttons = Object.fromEntries(
      [...byId("tools").querySelectorAll("[data-tool]")].map((button) => [button.dataset.tool, button]),
    );
    const acts = {
      undo: () => draft.undo(),
      redo: () => draft.redo(),
      rectangle: () => draft.place("rectangle"),
      part: () => draft.another(),
      hole: () => draft.another(true),
      less: () => draft.remove(),
      snap: () => this._snap(),
      middle: () => sketch.placeInTheMiddle(),
      finish: () => draft.finish(),
    };
    for (const [name, button] of Object.entries(this._buttons)) button.addEventListener("click", acts[name]);
    document.addEventListener("keydown", (event) => this._key(event));
    draft.addEventListener("change", () => this.show());
    sketch.onDraw = () => this.show();
    this.show();
  }

  show() {
    const { shape, placing } = this._draft;
    if (shape === null) {
      byId("tools").hidden = true;
      byId("draw-hint").hidden = true;
      return;
    }
    const hint = drawHint(this._draft, this._sketch.crowded);
    setText(byId("draw-hint"), hint);
    byId("draw-hint").hidden = hint === "";
    const polygon = shape.kind === "polygon";
    const drawn = corners(shape).length > 0;
    const shown = {
      undo: this._draft.canUndo || this._draft.canRedo || drawn,
      redo: this._draft.canUndo || this._draft.canRedo || drawn,
      rectangle: polygon,
      part: polygon && drawn && placing === "",
      hole: polygon && drawn && placing === "",
      less: this._draft.chosen !== null && placing === "",
      snap: Boolean(shape.outlines),
      middle: placing !== "",
      finish: placing === "corner" && drawn,
    };
    byId("tools").hidden = !Object.values(shown).some(Boolean);
    for (const [name, button] of Object.entries(this._buttons)) {
      const gone = !shown[name];
      // What has the keys is not taken from under them.
      if (gone && button === document.activeElement) byId("tools").querySelector("button:not([hidden])")?.focus();
      button.hidden = gone;
    }
    this._buttons.undo.disabled = !this._draft.canUndo;
    this._buttons.redo.disabled = !this._draft.canRedo;
    this._buttons.rectangle.setAttribute("aria-pressed", String(placing === "rectangle"));
  }

  _snap() {
    this._sketch.snapping = !this._sketch.snapping;
    this._buttons.snap.setAttribute("aria-pressed", String(this._sketch.snapping));
  }

  _key(event) {
    if (!this._draft.open || !(event.ctrlKey || event.metaKey) || event.altKey) return;
    // In a field these keys belong to what is typed there.
    if (event.target.closest?.("input, textarea, select")) return;
    const key = event.key.toLowerCase();
    if (key === "z" || key === "y") {
      event.preventDefault();
      if (key === "y" || event.shiftKey) this._draft.redo();
      else this._draft.undo();
    }
  }
}
