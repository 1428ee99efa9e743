/** The form of a zone: fields and map show the same drawing, and saving it asks once more. */

import { byId, element, icon, setText } from "/static/pages/dom.js";
import { scheduleOf } from "/static/pages/schedule.js";
import { number, say } from "/static/pages/words.js";

import * as service from "./service.js";
import { drawingOf, shapeOf } from "./service.js";
import { ShapeFields } from "./shape-fields.js";
import { lacks } from "./shape.js";
import { lackSaid, matters, remarkSaid } from "./wording.js";

const CONFLICT = 409;
const NOT_VALID = 422;

/** Dispatches `saved` with `detail` {zone, done}, `cancel`, `colour`, and `ghost` with a geometry. */
export class ZoneForm extends EventTarget {
  constructor(draft, usualColour, onTyped) {
    super();
    this._draft = draft;
    this._usual = usualColour;
    this._form = byId("zone-form");
    this._schedule = scheduleOf(this._form.querySelector("[data-schedule]"));
    this._shape = new ShapeFields(draft, () => this._form.elements.organisation_id.value, onTyped);
    this._form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this._save();
    });
    byId("cancel").addEventListener("click", () => this.dispatchEvent(new Event("cancel")));
    byId("own-colour").addEventListener("input", () => {
      this._form.elements.colour.value = "own";
      this._coloured();
    });
    for (const radio of this._form.elements.colour) radio.addEventListener("change", () => this._coloured());
    byId("field-labels").addEventListener("input", () => this._showLabels());
    byId("known-labels").addEventListener("click", ({ target }) => this._toggleLabel(target.closest("[data-label]")));
    draft.addEventListener("change", () => {
      if (draft.shape !== this._shown) this._unsay();
    });
  }

  /** The colour that is chosen now. */
  get colour() {
    const chosen = this._form.elements.colour.value;
    return chosen === "own" ? byId("own-colour").value : chosen || this._usual;
  }

  /** A zone that is not there yet, of a kind. */
  begin(kind) {
    this._zone = null;
    this._fill({ name: "", organisation_id: "", colour: this._usual, labels: [], speed_limit_kmh: null, hours: null, note: "" });
    setText(byId("edit-title"), say("New zone"));
    byId("edit-version").hidden = true;
    this._shape.begin(kind);
    byId("field-name").focus();
  }

  /** Another version of a zone. */
  change(zone) {
    this._zone = zone;
    this._fill(zone);
    setText(byId("edit-title"), say("Change a zone"));
    byId("edit-version").hidden = false;
    setText(byId("edit-version"), say("Version {n}", { n: zone.version }));
    this._shape.begin(zone.kind, shapeOf(zone));
    this._began = JSON.stringify(drawingOf(this._draft.shape));
    byId("field-name").focus();
  }

  _fill(zone) {
    const { elements } = this._form;
    elements.name.value = zone.name;
    if (zone.organisation_id) elements.organisation_id.value = zone.organisation_id;
    const choosable = elements.organisation_id.tagName === "SELECT";
    if (choosable) elements.organisation_id.disabled = this._zone !== null;
    const colour = zone.colour || this._usual;
    const known = [...elements.colour].some(({ value }) => value === colour);
    elements.colour.value = known ? colour : "own";
    if (!known) byId("own-colour").value = colour;
    elements.labels.value = zone.labels.join(", ");
    elements.speed_limit_kmh.value = zone.speed_limit_kmh ?? "";
    elements.note.value = zone.note;
    this._schedule.setting = zone.hours;
    this._showLabels();
    this._coloured();
    this._unsay();
  }

  _coloured() {
    this.dispatchEvent(new Event("colour"));
  }

  get _labels() {
    return [...new Set(byId("field-labels").value.split(",").map((label) => label.trim()).filter(Boolean))];
  }

  _showLabels() {
    const chosen = this._labels;
    for (const button of byId("known-labels").children) {
      button.setAttribute("aria-pressed", String(chosen.includes(button.dataset.label)));
    }
  }

  _toggleLabel(button) {
    if (!button) return;
    const { label } = button.dataset;
    const chosen = this._labels;
    const labels = chosen.includes(label) ? chosen.filter((each) => each !== label) : [...chosen, label];
    byId("field-labels").value = labels.join(", ");
    this._showLabels();
  }

  /** What is wrong with the fields: [[id of a field, words], …]. */
  _problems() {
    const { name, speed_limit_kmh: speed } = this._form.elements;
    const found = [];
    if (!name.value.trim()) found.push(["field-name", say("Give the zone a name.")]);
    const lack = this._shape.problem || lackSaid(lacks(this._draft.shape));
    if (lack) found.push([this._shape.fieldOf(this._draft.shape.kind), lack]);
    if (!speed.validity.valid) found.push(["field-speed", say("A speed limit is a number of km/h, 400 at most.")]);
    if (this._schedule.problem) found.push(["", this._schedule.problem]);
    return found;
  }

  async _save() {
    const unreadable = this._shape.problem;
    if (!unreadable && this._draft.placing) this._draft.finish();
    const problems = this._problems();
    if (problems.length) {
      this._complain(say("This cannot be saved yet:"), problems);
      return;
    }
    byId("save").disabled = true;
    try {
      if (await this._needsALook()) return;
      await this._send();
    } catch (refused) {
      this._refused(refused);
    } finally {
      byId("save").disabled = false;
    }
  }

  /** Whether the drawing was mended in a way that somebody must see before it is kept. */
  async _needsALook() {
    const drawn = JSON.stringify(drawingOf(this._draft.shape));
    if (drawn === this._began || drawn === this._seen) return false;
    const { geometry, remarks } = await service.outlined(this._draft.shape);
    const told = remarks.filter(matters);
    if (told.length === 0) return false;
    this._seen = drawn;
    this.dispatchEvent(new CustomEvent("ghost", { detail: geometry }));
    byId("form-said").replaceChildren(
      element("p", {}, element("strong", {}, say("The drawing was mended; the dashed line shows how. Look, then save it so or draw on."))),
      element("ul", { class: "problems" }, told.map((remark) => element("li", {}, remarkSaid(remark)))),
    );
    setText(byId("save").querySelector("span"), say("Save it so"));
    byId("form-said").focus();
    return true;
  }

  async _send(seen = this._zone?.version) {
    const { elements } = this._form;
    const said = {
      name: elements.name.value.trim(),
      colour: this.colour === this._usual ? "" : this.colour,
      labels: this._labels,
      speed_limit_kmh: elements.speed_limit_kmh.value === "" ? null : elements.speed_limit_kmh.valueAsNumber,
      hours: this._schedule.setting,
      note: elements.note.value.trim(),
    };
    const drawing = drawingOf(this._draft.shape);
    const drawn = JSON.stringify(drawing) === this._began ? {} : { drawing };
    const zone = this._zone
      ? await service.change(this._zone.id, { version: seen, ...said, ...drawn })
      : await service.draw({ organisation_id: elements.organisation_id.value, ...said, drawing });
    const remarks = zone.remarks.map(remarkSaid);
    const done = this._zone ? say("Version {n} is in force.", { n: zone.version }) : say("The zone is in force.");
    this.dispatchEvent(new CustomEvent("saved", { detail: { zone, done: [done, ...remarks].join(" ") } }));
  }

  _refused(refused) {
    if (refused.status === CONFLICT && this._zone) {
      void this._conflict(refused);
    } else if (refused.status === NOT_VALID && refused.problem.errors) {
      const rows = refused.problem.errors.map(({ where, what }) => ["", `${where.replace(/^body\./, "")}: ${what}`]);
      this._complain(say("This cannot be saved yet:"), rows);
    } else {
      this._complain(refused.message, []);
    }
  }

  /** Somebody saved a newer version: it is shown, and whoever draws decides. */
  async _conflict(refused) {
    const newest = await service.zone(this._zone.id).catch(() => null);
    if (newest === null) {
      this._complain(refused.message, []);
      return;
    }
    this.dispatchEvent(new CustomEvent("ghost", { detail: newest.geometry }));
    const act = (words, picture, what) => {
      const button = element("button", { type: "button" }, icon(picture), words);
      button.addEventListener("click", what);
      return button;
    };
    const who = newest.created_by ?? "Vigil";
    byId("form-said").replaceChildren(
      element("p", { class: "problem" }, say("{who} saved version {n} while you were drawing. The dashed line shows it.", { who, n: number(newest.version) })),
      element(
        "div",
        { class: "buttons" },
        act(say("Take theirs; mine is lost"), "undo", () => this.change(newest)),
        newest.removed
          ? null
          : act(say("Save mine as the next version"), "check", () => void this._send(newest.version).catch((again) => this._refused(again))),
      ),
    );
    byId("form-said").focus();
  }

  _complain(words, problems) {
    const rows = problems.map(([field, what]) =>
      element("li", {}, field ? element("a", { href: `#${field}` }, what) : what),
    );
    byId("form-said").replaceChildren(
      element("p", { class: "problem" }, words),
      rows.length ? element("ul", { class: "problems" }, rows) : "",
    );
    byId("form-said").focus();
  }

  /** What was said is no longer about what is drawn. */
  _unsay() {
    this._seen = null;
    this._shown = this._draft.shape;
    byId("form-said").replaceChildren();
    setText(byId("save").querySelector("span"), say("Save"));
    this.dispatchEvent(new CustomEvent("ghost", { detail: null }));
  }
}
