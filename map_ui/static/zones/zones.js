/** The page of zones: a list beside the map; one zone to be read, to be drawn, or a file of them. */

import { byId, setText } from "/static/pages/dom.js";
import { canDraw, colour } from "/static/pages/map.js";
import { onTheme } from "/static/pages/theme.js";
import { say } from "/static/pages/words.js";

import { Draft } from "./draft.js";
import { circle, metresPerPixel } from "./earth.js";
import { showExports } from "./exports.js";
import { ZoneFacts } from "./facts.js";
import { ZoneForm } from "./form.js";
import { ZoneImport } from "./import.js";
import { ZoneList } from "./list.js";
import * as service from "./service.js";
import { geometryOf } from "./shape.js";
import { Tools } from "./tools.js";

const USUAL = "#0072b2";
const NARROW_PX = 768;
const SETTLED_MS = 150;

const { body } = document;
const drawer = body.dataset.drawer === "true";
const draft = new Draft();
const list = new ZoneList();
const facts = new ZoneFacts({ drawer });
let zonesMap = null;
let sketch = null;
let form = null;
let ghost = null;

const said = (words) => setText(byId("said"), words);

/** One part of the side is there at a time: list, zone, edit or import. */
function view(name) {
  body.dataset.view = name;
  for (const part of ["list", "zone", "edit", "import"]) {
    const section = byId(`view-${part}`);
    if (section) section.hidden = part !== name;
  }
  if (zonesMap) zonesMap.picking = name === "list" || name === "zone";
  document.querySelector(".zones-side").scrollTop = 0;
  if (name === "edit") sheet(true);
}

function sheet(open) {
  body.dataset.sheet = open ? "open" : "closed";
  byId("sheet").setAttribute("aria-expanded", String(open));
}

async function open(zoneId, done = "") {
  let zone;
  try {
    zone = await service.zone(zoneId);
  } catch (refused) {
    setText(byId("zone-count"), refused.message);
    view("list");
    return;
  }
  history.replaceState(null, "", `/zones?zone=${zone.id}`);
  view("zone");
  facts.show(zone, done);
  list.choose(zone.id);
  zonesMap?.choose(zone.id);
  showGhost(null);
  await showWhole(zone);
}

/** A zone in the middle of the map; one that moves where it is now. */
async function showWhole(zone) {
  if (zonesMap === null) return;
  if (zone.geometry) {
    zonesMap.reveal(zone.geometry);
    return;
  }
  const centre = await service.whereIs(zone.anchor_asset_id);
  if (centre === null || facts.zone !== zone) return;
  const around = { type: "Polygon", coordinates: [circle(centre, zone.drawing.radius_m)] };
  showGhost(around);
  zonesMap.fit(around);
}

function close(focus = true) {
  const last = facts.zone?.id ?? null;
  history.replaceState(null, "", "/zones");
  view("list");
  showGhost(null);
  list.choose(null);
  zonesMap?.choose(null);
  if (focus) list.focus(last);
}

function edit(zone) {
  view("edit");
  zonesMap?.hide(zone?.id ?? null);
  if (zone) form.change(zone);
  else form.begin("polygon");
  const geometry = geometryOf(draft.shape);
  if (geometry) zonesMap?.reveal(geometry);
}

function endEditing() {
  draft.end();
  if (zonesMap) zonesMap.picking = true;
  zonesMap?.hide(null);
  showGhost(null);
}

/** Where the circle of a zone that moves would be now. */
async function showMoving() {
  const { shape } = draft;
  if (shape?.kind !== "moving" || !shape.asset) return;
  const centre = await service.whereIs(shape.asset.id);
  if (centre === null || draft.shape !== shape) return;
  const around = { type: "Polygon", coordinates: [circle(centre, shape.radiusM)] };
  showGhost(around);
  zonesMap.reveal(around);
}

function showGhost(geometry) {
  if (ghost === null && geometry === null) return;
  ghost = geometry;
  zonesMap?.showGhost(geometry);
}

/** What is in view, with no finer corners than can be seen. */
async function load() {
  if (zonesMap === null) return;
  const { map } = zonesMap;
  const tolerance = metresPerPixel(map.getCenter().lat, map.getZoom()) / 2;
  const found = await service.zonesIn(zonesMap.box, Math.min(10_000, Math.round(tolerance))).catch(() => null);
  if (found === null) {
    setText(byId("map-remark"), say("The zones in view could not be asked for."));
    return;
  }
  const remark = found.next ? say("Only {n} of the zones here are shown: zoom in to see others.", { n: found.items.length }) : "";
  setText(byId("map-remark"), remark);
  zonesMap.show(
    found.items.map(({ id, name, colour: own, geometry }) => ({
      type: "Feature",
      properties: { id, name, colour: own || colour("accent") },
      geometry,
    })),
  );
  byId("map").dataset.zones = found.items.length;
}

async function changed({ zone, done }) {
  await Promise.all([list.load(), list.loadLabels(), load()]);
  if (zone) {
    await open(zone.id, done);
  } else {
    close();
    said(done);
    setText(byId("zone-count"), done);
  }
}

async function drawMap() {
  if (!canDraw()) {
    byId("no-map").hidden = false;
    return;
  }
  const { ZonesMap } = await import("./map.js");
  const { Sketch } = await import("./sketch.js");
  zonesMap = new ZonesMap(byId("map"), () => sketch?.dress());
  sketch = new Sketch(zonesMap, draft, said);
  let waiting = null;
  zonesMap.addEventListener("view", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => void load(), SETTLED_MS);
  });
  zonesMap.addEventListener("pick", ({ detail }) => {
    if (detail) void open(detail);
    else if (body.dataset.view === "zone") close(false);
  });
  onTheme(() => void load());
  byId("home").addEventListener("click", () => zonesMap.home());
  if (drawer) new Tools(draft, sketch);
  draft.addEventListener("change", () => void showMoving());
}

function drawForms() {
  if (!drawer) return;
  form = new ZoneForm(draft, USUAL, () => {
    const geometry = geometryOf(draft.shape);
    if (geometry) zonesMap?.reveal(geometry);
  });
  form.addEventListener("colour", () => {
    if (sketch) {
      sketch.paint = form.colour;
      sketch.draw();
    }
  });
  form.addEventListener("ghost", ({ detail }) => showGhost(detail));
  form.addEventListener("saved", ({ detail }) => {
    endEditing();
    void changed(detail);
  });
  form.addEventListener("cancel", () => {
    endEditing();
    if (facts.zone && location.search) void open(facts.zone.id);
    else close(false);
  });
  byId("new").addEventListener("click", () => {
    close(false);
    edit(null);
  });
  byId("to-corner").addEventListener("click", () => sketch?.focusChosen());
  const files = new ZoneImport();
  byId("import").addEventListener("click", () => {
    close(false);
    view("import");
    files.begin();
  });
  files.addEventListener("found", ({ detail }) => {
    zonesMap?.showFound(detail);
    if (detail.length) zonesMap?.fit({ type: "GeometryCollection", coordinates: detail.map(({ geometry }) => geometry.coordinates) });
  });
  files.addEventListener("close", ({ detail }) => {
    zonesMap?.showFound([]);
    if (detail) void changed({ zone: null, done: detail });
    else close(false);
  });
}

// What was drawn and not saved is not lost by a wrong click.
window.addEventListener("beforeunload", (event) => {
  if (draft.open && draft.canUndo) event.preventDefault();
});
facts.addEventListener("close", () => close());
facts.addEventListener("edit", () => edit(facts.zone));
facts.addEventListener("changed", ({ detail }) => void changed(detail));
facts.addEventListener("ghost", ({ detail }) => {
  showGhost(detail);
  if (detail) zonesMap?.reveal(detail);
});
list.addEventListener("choose", ({ detail }) => void open(detail));
byId("sheet").addEventListener("click", () => sheet(body.dataset.sheet !== "open"));
if (innerWidth > NARROW_PX) sheet(true);

await drawMap();
drawForms();
showExports(byId("export"), () => list.asked);
await Promise.all([list.load(), load()]);
if (body.dataset.zone) await open(body.dataset.zone);
body.dataset.ready = "true";
