/** The fields of a shape: what the mouse draws is written here, and what is written is drawn. */

import { byId, setText } from "/static/pages/dom.js";
import { number, say } from "/static/pages/words.js";

import { outlinesIn, outlinesText, placeIn, placeText } from "./coordinates.js";
import { Picker } from "./picker.js";
import { areasCalled, assetsCalled, outlined } from "./service.js";
import { corners, empty } from "./shape.js";
import { kindHint, sizeSaid } from "./wording.js";

const WAIT_MS = 300;
const FIELDS = { polygon: "field-lines", corridor: "field-lines", circle: "field-centre", area: "field-area", moving: "field-asset" };
const LEVELS = { canton: () => say("Canton"), province: () => say("Province"), country: () => say("Country") };
const KIND_WORDS = { vehicle: () => say("Vehicle"), lone_worker: () => say("Lone worker"), senior: () => say("Senior") };

export class ShapeFields {
  /**
   * @param {() => string} organisation whose assets a zone may go with
   * @param {() => void} onTyped called when something was drawn by writing it
   */
  constructor(draft, organisation, onTyped) {
    this._draft = draft;
    this._onTyped = onTyped;
    this._drawn = {};
    this._areas = new Picker(byId("field-area"), areasCalled, ({ name, level, within }) => ({
      name,
      about: [LEVELS[level]?.(), within].filter(Boolean).join(" · "),
    }));
    this._areas.addEventListener("choose", ({ detail }) => void this._takeArea(detail));
    this._assets = new Picker(
      byId("field-asset"),
      (search) => assetsCalled(search, organisation()),
      ({ name, kind, plate, organisation: of }) => ({
        name,
        about: [KIND_WORDS[kind]?.(), plate, typeof of === "string" ? of : of?.name].filter(Boolean).join(" · "),
      }),
    );
    this._assets.addEventListener("choose", ({ detail: { id, name } }) => draft.set({ ...draft.shape, asset: { id, name } }));
    for (const radio of byId("zone-form").elements.kind) {
      radio.addEventListener("change", () => this._otherKind(radio.value));
    }
    const takes = {
      "field-lines": () => this._takeLines(),
      "field-centre": () => this._takeCentre(),
      "field-radius": () => this._takeMetres("field-radius", "radiusM"),
      "field-width": () => this._takeMetres("field-width", "widthM"),
    };
    for (const [id, take] of Object.entries(takes)) {
      byId(id).addEventListener("input", () => this._soon(id, take));
    }
    for (const id of ["field-lines", "field-centre"]) {
      byId(id).addEventListener("blur", () => {
        this._now();
        // What is not understood stays as it was typed.
        if (!this._problem) this.show();
      });
    }
    draft.addEventListener("change", () => {
      if (draft.shape === this._shown) return;
      this._shown = draft.shape;
      this._problem = "";
      byId("field-centre").removeAttribute("aria-invalid");
      this.show();
    });
  }

  /** What is written and cannot be drawn, in words; or "". What was just typed is drawn first. */
  get problem() {
    this._now();
    return this._problem;
  }

  fieldOf(kind) {
    return FIELDS[kind];
  }

  begin(kind, shape = null) {
    this._drawn = {};
    this._problem = "";
    clearTimeout(this._waiting);
    this._later = null;
    byId("field-centre").removeAttribute("aria-invalid");
    byId("zone-form").elements.kind.value = kind;
    this._draft.begin(kind, shape);
    byId("field-lines").closest("details").open = false;
    this.show();
    if (shape?.area) void this._nameArea(shape.area);
  }

  /** Write what is drawn into the fields, but for the one that is being written in. */
  show() {
    const { shape } = this._draft;
    if (shape === null) return;
    for (const field of document.querySelectorAll("[data-kinds]")) {
      field.hidden = !field.dataset.kinds.split(" ").includes(shape.kind);
    }
    setText(byId("kind-hint"), kindHint(shape.kind));
    if (shape.outlines) this._write("field-lines", outlinesText(shape.outlines));
    if (shape.kind === "circle") this._write("field-centre", shape.centre ? placeText(shape.centre) : "");
    if ("radiusM" in shape) this._write("field-radius", String(shape.radiusM || ""));
    if ("widthM" in shape) this._write("field-width", String(shape.widthM || ""));
    if (shape.kind === "area" && (shape.area === null || shape.area.name)) this._write("field-area", shape.area?.name ?? "");
    if (shape.kind === "moving") this._write("field-asset", shape.asset?.name ?? "");
    const many = corners(shape).length;
    setText(byId("corner-count"), many ? number(many) : "");
    setText(byId("shape-size"), sizeSaid(shape));
    if (!this._problem) this._complain("");
  }

  _write(id, text) {
    const field = byId(id);
    if (document.activeElement !== field && field.value !== text) field.value = text;
  }

  /** What was drawn of one kind comes back when somebody looks at another and returns. */
  _otherKind(kind) {
    this._drawn[this._draft.shape.kind] = this._draft.shape;
    const shape = this._drawn[kind] ?? null;
    this._problem = "";
    this._draft.begin(kind, shape ?? empty(kind));
    this.show();
  }

  /** What is typed is drawn when it rests for a moment; saving does not wait for that. */
  _soon(field, take) {
    if (field !== this._field) this._now();
    clearTimeout(this._waiting);
    this._field = field;
    this._later = take;
    this._waiting = setTimeout(() => this._now(), WAIT_MS);
  }

  _now() {
    clearTimeout(this._waiting);
    const take = this._later;
    this._later = null;
    take?.();
  }

  _takeLines() {
    const { outlines, problems } = outlinesIn(byId("field-lines").value);
    if (problems.length) {
      this._complain(problems[0]);
      return;
    }
    const { shape } = this._draft;
    const line = shape.kind === "corridor" && outlines.length > 0;
    const drawn = line ? [{ points: outlines.flatMap(({ points }) => points), hole: false }] : outlines;
    this._draft.placing = "";
    this._draft.set({ ...shape, outlines: drawn }, null);
    this._onTyped();
  }

  _takeCentre() {
    const text = byId("field-centre").value.trim();
    const centre = placeIn(text);
    const odd = text !== "" && centre === null;
    byId("field-centre").setAttribute("aria-invalid", String(odd));
    this._problem = odd ? say("The centre is no place. Write it as 50.8503, 4.3517.") : "";
    if (odd) return;
    this._draft.placing = centre ? "" : "centre";
    this._draft.set({ ...this._draft.shape, centre });
    this._onTyped();
  }

  _takeMetres(id, name) {
    const metres = byId(id).valueAsNumber;
    this._draft.set({ ...this._draft.shape, [name]: metres > 0 ? metres : 0 });
    this._onTyped();
  }

  async _takeArea({ code, name, drawn_to_m: drawnTo }) {
    setText(byId("area-hint"), say("Its border is drawn to about {metres} m.", { metres: number(drawnTo) }));
    const chosen = { kind: "area", area: { code, name, geometry: null } };
    this._draft.set(chosen);
    const found = await outlined(chosen).catch(() => null);
    if (found === null || this._draft.shape?.area?.code !== code) return;
    this._draft.set({ ...chosen, area: { ...chosen.area, geometry: found.geometry } });
    this._onTyped();
    if (byId("field-name").value.trim() === "") byId("field-name").value = name;
  }

  /** A zone knows its area by its code; people know it by its name. */
  async _nameArea({ code }) {
    const found = await outlined({ kind: "area", area: { code } }).catch(() => null);
    if (found && this._draft.shape?.area?.code === code) this._areas.name = found.name;
  }

  _complain(problem) {
    this._problem = problem;
    setText(byId("lines-problem"), problem);
    byId("field-lines").setAttribute("aria-invalid", String(problem !== ""));
  }
}
