/** Zones from a file: seen on the map with what is wrong, then kept. */

import { byId, element, icon, setText } from "/static/pages/dom.js";
import { say, sayMany } from "/static/pages/words.js";

import { readFile } from "./service.js";
import { kindSaid, matters, remarkSaid } from "./wording.js";

/** Dispatches `found` with features for the map, and `close` with `detail` what was done, or "". */
export class ZoneImport extends EventTarget {
  constructor() {
    super();
    byId("import-form").addEventListener("submit", (event) => {
      event.preventDefault();
      void this._look();
    });
    byId("import-keep").addEventListener("click", () => void this._keep());
    byId("import-cancel").addEventListener("click", () => this._close(""));
    byId("import-form").addEventListener("change", () => this._forget());
  }

  begin() {
    byId("import-form").reset();
    this._forget();
    byId("import-title").focus();
  }

  get _asked() {
    return {
      organisation_id: byId("import-organisation").value,
      width_m: byId("import-width").value,
      radius_m: byId("import-radius").value,
      crs: byId("import-crs").value,
      label: byId("import-label").value.trim(),
    };
  }

  async _look() {
    const [file] = byId("import-file").files;
    if (!file) {
      this._say(say("Choose a file first."), true);
      return;
    }
    const found = await this._read(file, true);
    if (found === null) return;
    this._show(found);
  }

  async _keep() {
    const [file] = byId("import-file").files;
    const found = await this._read(file, false);
    if (found !== null) this._close(sayMany(found.filed, "{n} zone was imported.", "{n} zones were imported."));
  }

  async _read(file, onlyTry) {
    for (const id of ["import-look", "import-keep"]) byId(id).disabled = true;
    this._say(say("Reading…"));
    try {
      return await readFile(file, { ...this._asked, only_try: onlyTry, although_some_cannot: !onlyTry });
    } catch (refused) {
      this._say(refused.message, true);
      return null;
    } finally {
      for (const id of ["import-look", "import-keep"]) byId(id).disabled = false;
    }
  }

  _show({ zones, filed, refused, remarks }) {
    const good = sayMany(filed, "{n} zone can be imported.", "{n} zones can be imported.");
    const bad = refused ? sayMany(refused, "{n} cannot: it is told below.", "{n} cannot: they are told below.") : "";
    this._say([good, bad, ...remarks.map(remarkSaid)].filter(Boolean).join(" "));
    byId("import-keep").hidden = filed === 0;
    byId("import-keep").replaceChildren(icon("check"), sayMany(filed, "Import {n} zone", "Import {n} zones"));
    // What is wrong comes first: the rest needs nobody.
    const rows = zones.toSorted((one, other) => Boolean(other.problem) - Boolean(one.problem));
    byId("import-rows").replaceChildren(...rows.map(row));
    this.dispatchEvent(
      new CustomEvent("found", {
        detail: zones
          .filter(({ geometry }) => geometry)
          .map(({ geometry, remarks: mended }) => ({
            type: "Feature",
            properties: { problem: mended.some(matters) },
            geometry,
          })),
      }),
    );
    byId("import-said").focus();
  }

  _say(words, wrong = false) {
    byId("import-said").classList.toggle("problem", wrong);
    setText(byId("import-said"), words);
  }

  /** What was looked at is no longer what would be kept. */
  _forget() {
    this._say("");
    byId("import-keep").hidden = true;
    byId("import-rows").replaceChildren();
    this.dispatchEvent(new CustomEvent("found", { detail: [] }));
  }

  _close(done) {
    this.dispatchEvent(new CustomEvent("close", { detail: done }));
  }
}

function row({ number, name, kind, problem, remarks, labels }) {
  const said = problem ? [say("Feature {n}: {what}", { n: number, what: problem })] : [kindSaid(kind), ...labels];
  return element(
    "li",
    { class: problem ? "import-row bad" : "import-row" },
    icon(problem ? "close" : "check"),
    element(
      "span",
      {},
      element("strong", {}, name),
      " ",
      element("span", { class: "quiet" }, said.join(" · ")),
      remarks.map((remark) => element("span", { class: "import-remark" }, remarkSaid(remark))),
    ),
  );
}
