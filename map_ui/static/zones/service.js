/** Zones as the service tells and takes them. */

import { Refused, ask } from "/static/pages/api.js";
import { language, say } from "/static/pages/words.js";

import { geometryOf, outlinesOf } from "./shape.js";

/** How many zones the map shows at once; the rest asks for a closer look. */
export const MOST_SHOWN = 200;
const PAGE = 50;
const NO_SHAPES_M = 10_000;
const csrf = document.querySelector('meta[name="csrf"]')?.content ?? "";

/** One page of zones by name: {items, next}. */
export function zonesCalled({ search, label, organisation }, cursor = null) {
  return ask("GET", `/zones?${query({ search, label, organisation_id: organisation, cursor, limit: PAGE, tolerance_m: NO_SHAPES_M })}`);
}

/** Zones in a box [west, south, east, north], without corners finer than `toleranceM`. */
export function zonesIn(box, toleranceM) {
  const bbox = box.map((edge) => edge.toFixed(6)).join(",");
  return ask("GET", `/zones?${query({ bbox, limit: MOST_SHOWN, tolerance_m: toleranceM })}`);
}

export const zone = (id) => ask("GET", `/zones/${id}`);
export const versions = (id) => ask("GET", `/zones/${id}/versions`);
export const draw = (said) => ask("POST", "/zones", said);
export const change = (id, said) => ask("PATCH", `/zones/${id}`, said);
export const bringBack = (id, version, seen) => ask("POST", `/zones/${id}/versions/${version}/restore`, { version: seen });
export const remove = (id, version, although) =>
  ask("DELETE", `/zones/${id}?${query({ version, although_asked_for: although })}`);
export const areasCalled = (search) => ask("GET", `/areas?${query({ search, language })}`);
export const labelsUsed = () => ask("GET", "/zones/labels");

export async function assetsCalled(search, organisation) {
  return (await ask("GET", `/assets?${query({ search, organisation_id: organisation, limit: 20 })}`)).items;
}

/** Where an asset was last, as [lon, lat]; null while nobody knows. */
export async function whereIs(assetId) {
  const found = await ask("GET", `/assets/${assetId}/position`).catch(() => null);
  const fix = found?.fix ?? found;
  return typeof fix?.lon === "number" ? [fix.lon, fix.lat] : null;
}

/** What a drawing would come to: {geometry, remarks, name}; only areas have a name. */
export const outlined = (shape) => askPage("POST", "/zones/outline", drawingOf(shape));

/** Names of the rules that would miss this zone. */
export const rulesAbout = (id) => askPage("GET", `/zones/${id}/rules`);

/** A shape as the service takes it. */
export function drawingOf(shape) {
  const place = ([lon, lat]) => ({ lat, lon });
  switch (shape.kind) {
    case "circle":
      return { kind: "circle", centre: place(shape.centre), radius_m: shape.radiusM };
    case "corridor":
      return { kind: "corridor", line: shape.outlines[0].points.map(place), width_m: shape.widthM };
    case "area":
      return { kind: "area", area: shape.area.code };
    case "moving":
      return { kind: "moving", anchor_asset_id: shape.asset.id, radius_m: shape.radiusM };
    default:
      return { kind: "polygon", geometry: geometryOf(shape) };
  }
}

/** The shape of a zone as the service told it. */
export function shapeOf({ drawing, geometry, anchor }) {
  const place = ({ lat, lon }) => [lon, lat];
  switch (drawing.kind) {
    case "circle":
      return { kind: "circle", centre: place(drawing.centre), radiusM: drawing.radius_m };
    case "corridor":
      return { kind: "corridor", outlines: [{ points: drawing.line.map(place), hole: false }], widthM: drawing.width_m };
    case "area":
      return { kind: "area", area: { code: drawing.area, name: "", geometry } };
    case "moving":
      return { kind: "moving", asset: { id: drawing.anchor_asset_id, name: anchor ?? "" }, radiusM: drawing.radius_m };
    default:
      return { kind: "polygon", outlines: outlinesOf(drawing.geometry ?? geometry) };
  }
}

/** A page of ours is asked like the API, for what only pages need. */
export async function askPage(method, path, body, type = "application/json") {
  let answer;
  try {
    answer = await fetch(path, {
      method,
      headers: { Accept: "application/json", ...(body === undefined ? {} : { "Content-Type": type }), "X-CSRF-Token": csrf },
      body: body === undefined || body instanceof Blob ? body : JSON.stringify(body),
      credentials: "same-origin",
    });
  } catch {
    throw new Refused(0, { title: say("The server cannot be reached. Try again.") });
  }
  if (!answer.ok) throw new Refused(answer.status, await answer.json().catch(() => ({})));
  return answer.json();
}

export function query(asked) {
  const said = Object.entries(asked).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return new URLSearchParams(said);
}

/** What a file holds: {zones, filed, refused, remarks}; kept unless `only_try`. */
export function readFile(file, asked) {
  const name = file.name.replace(/\.\w+$/, "").slice(0, 100) || undefined;
  return askPage("POST", `/api/v1/zones/import?${query({ ...asked, name })}`, file, "application/octet-stream");
}
