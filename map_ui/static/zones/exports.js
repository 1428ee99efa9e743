/** Links to the zones that are listed, as files. */

import { element, icon } from "/static/pages/dom.js";

import { query } from "./service.js";

const FORMATS = [
  ["geojson", "GeoJSON"],
  ["kml", "KML"],
  ["gpx", "GPX"],
  ["wkt", "WKT"],
  ["shapefile", "Shapefile"],
];

/** Put a link for every format into a list; `asked` says what is looked for when one is followed. */
export function showExports(list, asked) {
  for (const [format, name] of FORMATS) {
    const link = element("a", { class: "button", href: "#", download: true }, icon("download"), name);
    const lead = () => {
      const { search, label, organisation } = asked();
      link.href = `/api/v1/zones/export?${query({ format, search, label, organisation_id: organisation })}`;
    };
    for (const event of ["pointerenter", "focus", "click"]) link.addEventListener(event, lead);
    lead();
    list.append(element("li", {}, link));
  }
}
