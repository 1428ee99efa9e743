/**
 * Coordinates as people write them, one place a line: `50.8503, 4.3517`, `50,8503; 4,3517`,
 * `50°51'01.1"N 4°21'06.1"E`, `N50 51.018 E4 21.102`. Latitude first, unless letters say otherwise.
 *
 * An empty line ends an outline; a line that says “hole” begins one in the outline above it.
 */

import { language, say } from "/static/pages/words.js";

const DIGITS = 6;
const HOLE = /^(hole|gat|trou|loch)\s*:?$/i;
const TOKEN = /[-+]?\d+(?:[.,]\d+)?\s*°?|[NSEWOZ]/giy;
const BETWEEN = /[\s,;:'′’"″”]*/y;
const PLAIN = /^([-+]?\d+(?:\.\d+)?)(?:\s*[,;]\s*|\s+)([-+]?\d+(?:\.\d+)?)$/;
const COMMAS = /^([-+]?\d+(?:,\d+)?)(?:\s*;\s*|\s+)([-+]?\d+(?:,\d+)?)$/;
const NORTHERLY = { N: 1, S: -1, Z: -1 };
// O is west in French and east in Dutch and German.
const EASTERLY = { E: 1, O: language === "fr" ? -1 : 1, W: -1 };

/** One place as [lon, lat], or null for what is none. */
export function placeIn(text) {
  const said = text.trim();
  const plain = said.match(PLAIN) ?? said.match(COMMAS);
  if (plain) return onEarth(figure(plain[2]), figure(plain[1]));
  return lettered(said);
}

/** The outlines that lines of text say, and what is wrong: {outlines, problems: [words]}. */
export function outlinesIn(text) {
  const outlines = [];
  const problems = [];
  let current = null;
  for (const [index, line] of text.split("\n").entries()) {
    const said = line.trim();
    if (said === "") {
      current = null;
      continue;
    }
    if (HOLE.test(said)) {
      current = { points: [], hole: true };
      outlines.push(current);
      continue;
    }
    const place = placeIn(said);
    if (place === null) {
      problems.push(say("Line {n}: “{line}” is no place. Write it as 50.8503, 4.3517.", { n: index + 1, line: said.slice(0, 40) }));
      continue;
    }
    if (current === null) {
      current = { points: [], hole: false };
      outlines.push(current);
    }
    current.points.push(place);
  }
  return { outlines: outlines.filter(({ points }) => points.length > 0), problems };
}

/** One place as text. */
export function placeText([lon, lat]) {
  return `${lat.toFixed(DIGITS)}, ${lon.toFixed(DIGITS)}`;
}

/** Outlines as lines of text. */
export function outlinesText(outlines) {
  return outlines
    .map(({ points, hole }, at) => {
      const lines = points.map(placeText).join("\n");
      return `${at > 0 ? "\n" : ""}${hole ? `${say("hole")}\n` : ""}${lines}`;
    })
    .join("\n");
}

/** A place with degree signs or letters, in either order. */
function lettered(said) {
  const tokens = tokensOf(said);
  if (tokens === null) return null;
  const letters = tokens.filter((token) => /^[A-Z]$/.test(token));
  const groups = letters.length > 0 ? byLetters(tokens, letters) : byDegrees(tokens);
  if (groups === null || groups.length !== 2) return null;
  const angles = groups.map(angle);
  if (angles.includes(null)) return null;
  const easterly = letters.map((letter) => letter in EASTERLY);
  if (letters.length > 0 && easterly[0] === easterly[1]) return null;
  const [lat, lon] = easterly[0] ? [angles[1], angles[0]] : angles;
  return onEarth(lon, lat);
}

function tokensOf(said) {
  const tokens = [];
  let at = 0;
  while (at < said.length) {
    TOKEN.lastIndex = at;
    const token = TOKEN.exec(said);
    if (token === null) return null;
    tokens.push(token[0].toUpperCase().replace(/\s/g, ""));
    BETWEEN.lastIndex = TOKEN.lastIndex;
    BETWEEN.exec(said);
    at = BETWEEN.lastIndex;
  }
  return tokens;
}

/** Numbers with the letter before or after them: [[letter, …figures], …]. */
function byLetters(tokens, letters) {
  if (letters.length !== 2) return null;
  const before = tokens[0] === letters[0];
  const cut = before ? tokens.lastIndexOf(letters[1]) : tokens.indexOf(letters[0]) + 1;
  const parts = [tokens.slice(0, cut), tokens.slice(cut)];
  return parts.map((part, at) => [letters[at], ...part.filter((token) => token !== letters[at])]);
}

function byDegrees(tokens) {
  const second = tokens.findLastIndex((token) => token.endsWith("°"));
  if (!tokens[0].endsWith("°") || second < 1) return null;
  return [tokens.slice(0, second), tokens.slice(second)].map((figures) => ["", ...figures]);
}

/** Degrees of [letter, degrees, minutes, seconds]; null if a minute or second is none. */
function angle([letter, ...texts]) {
  if (texts.length === 0 || texts.length > 3) return null;
  const [whole, minutes = 0, seconds = 0] = texts.map((text) => figure(text.replace("°", "")));
  if (![whole, minutes, seconds].every(Number.isFinite)) return null;
  if (minutes < 0 || minutes >= 60 || seconds < 0 || seconds >= 60) return null;
  const value = Math.abs(whole) + minutes / 60 + seconds / 3600;
  const sign = NORTHERLY[letter] ?? EASTERLY[letter] ?? 1;
  return sign * (texts[0].startsWith("-") ? -value : value);
}

function figure(text) {
  return Number(text.replace(",", "."));
}

function onEarth(lon, lat) {
  return Math.abs(lat) <= 90 && Math.abs(lon) <= 180 ? [lon, lat] : null;
}
