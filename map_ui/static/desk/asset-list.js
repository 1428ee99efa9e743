/** Search, and the map in words: assets with their state and the age of their fix. */

import { byId, element, icon, setText } from "/static/pages/dom.js";
import { kindIcon, state } from "/static/pages/names.js";
import { roughly, say, sayMany } from "/static/pages/words.js";

import { IN_HAND } from "./fleet.js";

const ROWS = 60;

/** Dispatches `choose` with the slot of the asset. */
export class AssetList extends EventTarget {
  constructor(fleet, now) {
    super();
    this._fleet = fleet;
    this._now = now;
    this._field = byId("search");
    this._drawn = "";
    this._field.addEventListener("input", () => this.draw());
    this._field.addEventListener("keydown", (event) => this._key(event));
    setInterval(() => this.draw(), 2000);
  }

  /** Put the cursor in the search field. */
  focus() {
    this._field.focus();
    this._field.select();
  }

  draw() {
    if (byId("panel-assets").hidden) return;
    const { found, total } = this._fleet.search(this._field.value, ROWS);
    setText(
      byId("asset-total"),
      total > found.length
        ? say("{shown} of {total}: search to see others", { shown: found.length, total })
        : sayMany(total, "1 asset", "{n} assets"),
    );
    const rows = found.map((slot) => this._row(slot));
    const drawn = JSON.stringify(rows.map(({ slot, words }) => [slot, words]));
    if (drawn === this._drawn) return;
    this._drawn = drawn;
    const focused = document.activeElement?.dataset?.slot;
    byId("asset-list").replaceChildren(...rows.map(({ slot, words }) => this._item(slot, words)));
    if (focused !== undefined) {
      byId("asset-list").querySelector(`[data-slot="${focused}"]`)?.focus();
    }
  }

  _row(slot) {
    const where = this._fleet.whereIs(slot);
    const name = where?.state ?? "never";
    const age = where ? roughly(Math.floor((this._now() / 1000 - where.at) / 5) * 5) : "";
    return { slot, words: [name, age, this._fleet.alarm[slot] % IN_HAND] };
  }

  _item(slot, [stateName, age, alarm]) {
    const asset = this._fleet.assets[slot];
    return element(
      "li",
      {},
      element(
        "button",
        {
          type: "button",
          class: "asset-row",
          "data-slot": slot,
          "data-asset-id": asset.id,
          onClick: () => this.dispatchEvent(new CustomEvent("choose", { detail: slot })),
        },
        icon(kindIcon(asset.kind)),
        element(
          "span",
          { class: "asset-who" },
          element("span", { class: "asset-name" }, asset.name),
          element("span", { class: "asset-about" }, [asset.plate, asset.organisation].filter(Boolean).join(" · ")),
        ),
        alarm > 0 ? element("span", { class: `chip p${alarm}` }, `P${alarm}`) : null,
        element("span", { class: "state-chip", "data-state": stateName }, state(stateName)),
        element("span", { class: "asset-age" }, age),
      ),
    );
  }

  _key(event) {
    if (event.key === "Enter" || event.key === "ArrowDown") {
      event.preventDefault();
      const first = byId("asset-list").querySelector("button");
      if (event.key === "Enter") first?.click();
      else first?.focus();
    }
    if (event.key === "Escape") this._field.blur();
  }
}
