/** The list of zones: searched at the service, a page at a time. */

import { byId, element, icon, setText } from "/static/pages/dom.js";
import { say, sayMany } from "/static/pages/words.js";

import { labelsUsed, zonesCalled } from "./service.js";
import { kindSaid } from "./wording.js";

const WAIT_MS = 200;
const MOST_KNOWN_LABELS = 12;

/** Dispatches `choose` with `detail` the id of a zone, and `hover` likewise or with null. */
export class ZoneList extends EventTarget {
  constructor() {
    super();
    this._chosen = null;
    this._asked = 0;
    byId("search").addEventListener("input", () => this._soon());
    for (const id of ["only-organisation", "only-label"]) {
      byId(id)?.addEventListener("change", () => void this.load());
    }
    byId("more").addEventListener("click", () => void this._next());
  }

  /** What is looked for now: {search, label, organisation}. */
  get asked() {
    return {
      search: byId("search").value.trim(),
      label: byId("only-label")?.value ?? "",
      organisation: byId("only-organisation")?.value ?? "",
    };
  }

  async load() {
    const asked = (this._asked += 1);
    const found = await zonesCalled(this.asked).catch((refused) => ({ problem: refused.message }));
    if (asked !== this._asked) return;
    if (found.problem) {
      setText(byId("zone-count"), found.problem);
      return;
    }
    byId("zone-list").replaceChildren(...found.items.map((zone) => this._row(zone)));
    this._showEnd(found.next);
    const searching = Object.values(this.asked).some(Boolean);
    byId("no-zones").hidden = found.items.length > 0 || searching;
    byId("none-found").hidden = found.items.length > 0 || !searching;
    this.choose(this._chosen);
  }

  /** Offer the labels that are used now, here and in the form. */
  async loadLabels() {
    const labels = await labelsUsed().catch(() => null);
    if (labels === null) return;
    const select = byId("only-label");
    const chosen = select.value;
    select.replaceChildren(select.options[0], ...labels.map((label) => new Option(label, label)));
    select.value = labels.includes(chosen) ? chosen : "";
    select.closest("label").hidden = labels.length === 0;
    const known = byId("known-labels");
    if (known === null) return;
    known.hidden = labels.length === 0;
    known.replaceChildren(
      ...labels
        .slice(0, MOST_KNOWN_LABELS)
        .map((label) => element("button", { type: "button", class: "chip", "data-label": label, "aria-pressed": "false" }, label)),
    );
  }

  /** Mark the row of the chosen zone, and bring it into view. */
  choose(zoneId) {
    this._chosen = zoneId;
    for (const button of byId("zone-list").querySelectorAll("button")) {
      const chosen = button.dataset.zone === zoneId;
      button.setAttribute("aria-current", String(chosen));
      if (chosen) button.scrollIntoView({ block: "nearest" });
    }
  }

  /** Bring the keys to the row of a zone, or to the list. */
  focus(zoneId) {
    (byId("zone-list").querySelector(`[data-zone="${zoneId}"]`) ?? byId("zones-title")).focus();
  }

  _soon() {
    clearTimeout(this._waiting);
    this._waiting = setTimeout(() => void this.load(), WAIT_MS);
  }

  async _next() {
    const found = await zonesCalled(this.asked, this._cursor).catch(() => null);
    if (found === null) return;
    const rows = found.items.map((zone) => this._row(zone));
    byId("zone-list").append(...rows);
    this._showEnd(found.next);
    rows[0]?.querySelector("button").focus();
  }

  _showEnd(next) {
    this._cursor = next;
    byId("more").hidden = next === null;
    const shown = byId("zone-list").childElementCount;
    const words = next === null ? sayMany(shown, "1 zone", "{n} zones") : say("The first {n}; search to see others", { n: shown });
    setText(byId("zone-count"), shown ? words : "");
  }

  _row(zone) {
    const button = element(
      "button",
      { type: "button", class: "zone-row", "data-zone": zone.id },
      swatch(zone),
      element(
        "span",
        { class: "zone-who" },
        element("span", { class: "zone-name" }, zone.name),
        element("span", { class: "zone-about" }, [kindSaid(zone.kind), zone.organisation].join(" · ")),
        zone.labels.length ? element("span", { class: "zone-labels" }, zone.labels.map(chip)) : null,
      ),
    );
    button.addEventListener("click", () => this.dispatchEvent(new CustomEvent("choose", { detail: zone.id })));
    return element("li", {}, button);
  }
}

/** The colour of a zone with the picture of its kind. */
export function swatch({ kind, colour }) {
  const box = element("span", { class: "zone-swatch" }, icon(`zone-${kind}`));
  if (colour) box.style.setProperty("--zone", colour);
  return box;
}

export const chip = (label) => element("span", { class: "chip" }, label);
