/** One zone to be read: what it is, what asks for it, and every version there was. */

import { byId, element, icon, setText } from "/static/pages/dom.js";
import { saidOf } from "/static/pages/hours.js";
import { number, say } from "/static/pages/words.js";

import { chip, swatch } from "./list.js";
import * as service from "./service.js";
import { shapeOf } from "./service.js";
import { kindSaid, madeSaid, sizeSaid } from "./wording.js";

/**
 * Dispatches `close`, `edit`, `changed` (with the zone, or null when it is gone), and `ghost` with
 * `detail` a geometry or null.
 */
export class ZoneFacts extends EventTarget {
  constructor({ drawer }) {
    super();
    this._drawer = drawer;
    this._zone = null;
    byId("remove-dialog").querySelector("[value=remove]").addEventListener("click", (event) => {
      event.preventDefault();
      void this._remove();
    });
  }

  get zone() {
    return this._zone;
  }

  /** Show a zone; `done` says what just happened to it. */
  show(zone, done = "") {
    this._zone = zone;
    const versions = element("ol", { class: "zone-versions" });
    const rules = element("ul", { class: "zone-rules" });
    byId("zone-facts").replaceChildren(
      this._head(zone),
      element("p", { class: "form-said done", role: "status" }, done ? [icon("check"), done] : ""),
      this._facts(zone),
      zone.note ? element("p", { class: "zone-note" }, zone.note) : "",
      this._buttons(zone),
      element("h3", {}, say("Rules that ask for it")),
      rules,
      element("h3", {}, say("Versions")),
      versions,
    );
    byId("zone-name").focus({ preventScroll: true });
    void this._fillRules(zone, rules);
    void this._fillVersions(zone, versions);
  }

  _head(zone) {
    const back = element("button", { type: "button", class: "icon-button", "aria-label": say("All zones"), title: say("All zones") }, icon("left"));
    back.addEventListener("click", () => this.dispatchEvent(new Event("close")));
    return element(
      "div",
      { class: "zone-head" },
      back,
      swatch(zone),
      element(
        "div",
        { class: "zone-who" },
        element("h2", { id: "zone-name", tabindex: "-1" }, zone.name),
        element("p", { class: "quiet" }, [kindSaid(zone.kind), zone.organisation].join(" · ")),
      ),
    );
  }

  _facts(zone) {
    const rows = [
      [say("Size"), sizeSaid(shapeOf(zone))],
      [say("Goes with"), zone.anchor],
      [say("Labels"), zone.labels.length ? element("span", { class: "zone-labels" }, zone.labels.map(chip)) : null],
      [say("Speed limit"), zone.speed_limit_kmh ? `${number(zone.speed_limit_kmh)} km/h` : null],
      [say("Opening hours"), zone.hours ? saidOf(zone.hours) : say("Always open")],
      [say("Version"), `${zone.version} · ${madeSaid(zone)}`],
      [say("State"), zone.removed ? element("strong", { class: "problem" }, say("Removed: no rule judges by it")) : null],
    ];
    const shown = rows.filter(([, what]) => what);
    return element("dl", { class: "facts" }, shown.flatMap(([label, what]) => [element("dt", {}, label), element("dd", {}, what)]));
  }

  _buttons(zone) {
    const button = (picture, words, act, extra = "") => {
      const made = element("button", { type: "button", class: extra }, icon(picture), words);
      made.addEventListener("click", act);
      return made;
    };
    const events = element("a", { class: "button", href: `/events?zone_id=${zone.id}` }, icon("event"), say("Events"));
    const mine = this._drawer && !zone.removed;
    return element(
      "div",
      { class: "buttons zone-buttons" },
      mine ? button("pencil", say("Change"), () => this.dispatchEvent(new Event("edit")), "primary") : null,
      events,
      mine ? button("close", say("Remove"), () => void this._askToRemove(zone)) : null,
    );
  }

  async _fillRules(zone, list) {
    const names = await service.rulesAbout(zone.id).catch(() => null);
    if (this._zone !== zone) return;
    const rows = (names ?? []).map((name) =>
      element("li", {}, element("a", { href: `/rules?${new URLSearchParams({ search: name })}` }, name)),
    );
    const none = names === null ? say("They cannot be asked for now.") : say("No rule asks for this zone.");
    list.replaceChildren(...(rows.length ? rows : [element("li", { class: "quiet" }, none)]));
  }

  async _fillVersions(zone, list) {
    const found = await service.versions(zone.id).catch(() => []);
    if (this._zone !== zone) return;
    list.replaceChildren(...found.map((version) => this._version(zone, version)));
  }

  _version(zone, version) {
    const words = [version.name !== zone.name ? version.name : "", sizeSaid(shapeOf(version)), version.removed ? say("removed") : ""];
    const acts = [];
    if (version.version !== zone.version && version.geometry) {
      const look = element("button", { type: "button", "aria-pressed": "false" }, icon("map"), say("Show on the map"));
      look.addEventListener("click", () => this._ghost(look, version));
      acts.push(look);
    }
    if (this._drawer && (version.version !== zone.version || zone.removed) && !version.removed) {
      const again = element("button", { type: "button" }, icon("undo"), say("Bring version {n} back", { n: version.version }));
      again.addEventListener("click", () => void this._bringBack(zone, version));
      acts.push(again);
    }
    return element(
      "li",
      {},
      element(
        "p",
        { class: "zone-version-head" },
        element("strong", {}, say("Version {n}", { n: version.version })),
        element("span", { class: "quiet" }, madeSaid(version)),
        version.in_force ? chip(say("in force")) : null,
      ),
      element("p", { class: "quiet" }, words.filter(Boolean).join(" · ")),
      acts.length ? element("div", { class: "buttons" }, acts) : null,
    );
  }

  _ghost(button, version) {
    const shown = button.getAttribute("aria-pressed") !== "true";
    for (const other of byId("zone-facts").querySelectorAll("[aria-pressed]")) other.setAttribute("aria-pressed", "false");
    button.setAttribute("aria-pressed", String(shown));
    this.dispatchEvent(new CustomEvent("ghost", { detail: shown ? version.geometry : null }));
  }

  async _bringBack(zone, { version }) {
    try {
      const again = await service.bringBack(zone.id, version, zone.version);
      this.dispatchEvent(new CustomEvent("ghost", { detail: null }));
      this._changed(again, say("Version {n} is in force: as version {old} was.", { n: again.version, old: version }));
    } catch (refused) {
      this._complain(refused);
    }
  }

  async _askToRemove(zone) {
    const dialog = byId("remove-dialog");
    const names = await service.rulesAbout(zone.id).catch(() => []);
    setText(byId("remove-title"), say("Remove “{name}”?", { name: zone.name }));
    byId("remove-rules").hidden = names.length === 0;
    setText(byId("remove-rules"), say("These rules ask for it and will stop judging:"));
    byId("remove-names").replaceChildren(...names.map((name) => element("li", {}, name)));
    setText(byId("remove-problem"), "");
    this._although = names.length > 0;
    dialog.showModal();
  }

  async _remove() {
    const zone = this._zone;
    try {
      await service.remove(zone.id, zone.version, this._although);
      byId("remove-dialog").close();
      this._changed(null, say("“{name}” is removed.", { name: zone.name }));
    } catch (refused) {
      setText(byId("remove-problem"), refused.message);
    }
  }

  _complain(refused) {
    const place = byId("zone-facts").querySelector(".form-said");
    place.classList.remove("done");
    place.replaceChildren(element("span", { class: "problem" }, refused.message));
  }

  _changed(zone, done) {
    this.dispatchEvent(new CustomEvent("changed", { detail: { zone, done } }));
  }
}
