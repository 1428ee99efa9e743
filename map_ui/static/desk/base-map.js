/** How the base map looks, by day and by night: a MapLibre style over our own files. */

const FILES = "/static/basemap";
const ATTRIBUTION = "© NGI/Statbel (CC BY 4.0), Natural Earth, GeoNames (CC BY 4.0)";

/**
 * The style in the colours of the page's theme.
 *
 * @param {(name: string) => string} colour the page's custom property of that name
 * @param {string} language whose names the places carry
 */
export function baseMap(colour, language) {
  const name = ["coalesce", ["get", `name_${language}`], ["get", "name"]];
  const geojson = (file, extra) => ({ type: "geojson", data: `${FILES}/${file}.geojson`, ...extra });
  const empty = { type: "geojson", data: { type: "FeatureCollection", features: [] } };
  return {
    version: 8,
    sources: {
      countries: geojson("eu_countries", { tolerance: 0.2 }),
      provinces: geojson("be_provinces", { tolerance: 0.2, attribution: ATTRIBUTION }),
      cantons: geojson("be_cantons", { tolerance: 0.2 }),
      places: geojson("places"),
      track: empty,
      moment: empty,
      alarms: empty,
      names: empty,
    },
    layers: [
      { id: "sea", type: "background", paint: { "background-color": colour("map-sea") } },
      {
        id: "land",
        type: "fill",
        source: "countries",
        paint: {
          "fill-color": ["case", ["==", ["get", "country"], "BE"], colour("map-home"), colour("map-land")],
          "fill-antialias": true,
        },
      },
      line("canton-lines", "cantons", colour("map-canton"), [8, 0.4, 12, 1.2], 8),
      line("province-lines", "provinces", colour("map-province"), [5, 0.4, 8, 1, 12, 2], 5),
      line("country-lines", "countries", colour("map-border"), [4, 0.6, 8, 1.6, 12, 3], 0),
      {
        id: "place-dots",
        type: "circle",
        source: "places",
        minzoom: 6,
        filter: largeEnough(),
        paint: { "circle-radius": 2, "circle-color": colour("map-label"), "circle-opacity": 0.55 },
      },
      {
        id: "place-names",
        type: "symbol",
        source: "places",
        filter: largeEnough(),
        layout: {
          "text-field": name,
          "text-size": [
            "interpolate", ["linear"], ["zoom"],
            5, ["step", ["get", "population"], 10, 500000, 12],
            10, ["step", ["get", "population"], 11, 20000, 13, 100000, 16],
            14, ["step", ["get", "population"], 13, 20000, 16, 100000, 20],
          ],
          "text-anchor": "bottom",
          "text-offset": [0, -0.25],
          "text-padding": 6,
          "text-max-width": 9,
          "symbol-sort-key": ["-", 0, ["get", "population"]],
        },
        paint: haloed(colour, "map-label"),
      },
      line("track-casing", "track", colour("map-halo"), [6, 4, 14, 9], 0),
      line("track-line", "track", colour("accent"), [6, 2, 14, 5], 0),
      {
        id: "alarm-places",
        type: "circle",
        source: "alarms",
        paint: {
          "circle-radius": 16,
          "circle-color": ["get", "colour"],
          "circle-opacity": 0.16,
          "circle-stroke-color": colour("alarm-rim"),
          "circle-stroke-width": 1,
        },
      },
      {
        id: "track-moment",
        type: "circle",
        source: "moment",
        paint: {
          "circle-radius": 8,
          "circle-color": colour("accent"),
          "circle-stroke-color": colour("map-halo"),
          "circle-stroke-width": 3,
        },
      },
      {
        id: "asset-names",
        type: "symbol",
        source: "names",
        layout: {
          "text-field": ["get", "name"],
          "text-size": 12,
          "text-anchor": "left",
          "text-offset": [1.1, 0],
          "text-max-width": 20,
        },
        paint: haloed(colour, "text"),
      },
      {
        id: "alarm-names",
        type: "symbol",
        source: "alarms",
        layout: {
          "text-field": ["get", "words"],
          "text-size": 14,
          "text-anchor": "top",
          "text-offset": [0, 1.5],
          "text-max-width": 16,
          "text-allow-overlap": ["step", ["zoom"], false, 9, true],
          "symbol-sort-key": ["get", "priority"],
        },
        paint: { ...haloed(colour, "text"), "text-halo-width": 2.4 },
      },
    ],
  };
}

function line(id, source, colour, widths, minzoom) {
  return {
    id,
    type: "line",
    source,
    minzoom,
    layout: { "line-join": "round", "line-cap": "round" },
    paint: { "line-color": colour, "line-width": ["interpolate", ["linear"], ["zoom"], ...widths] },
  };
}

function haloed(colour, name) {
  return {
    "text-color": colour(name),
    "text-halo-color": colour("map-halo"),
    "text-halo-width": 1.6,
  };
}

/** Fewer and larger places when the map shows a whole country. */
function largeEnough() {
  const least = ["step", ["zoom"], 500000, 5, 200000, 6, 90000, 7, 55000, 8, 25000, 9, 9000, 10, 3000, 11, 0];
  return [">=", ["get", "population"], least];
}
