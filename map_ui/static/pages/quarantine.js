/** Units that nobody has registered: the list, and the form that registers one. */

import { ask, askAll } from "./api.js";
import { byId, element, icon, setText } from "./dom.js";
import "./header.js";
import { kind } from "./names.js";
import { number, say, time } from "./words.js";

const REFRESH_MS = 5000;
const COLUMNS = 7;

/** Unit id of the row whose form is open; the list does not move under a person who types. */
let open = null;
let organisations = [];

async function refresh() {
  if (open !== null || document.hidden) return;
  try {
    const units = await askAll("/units?limit=200");
    setText(byId("units-problem"), "");
    if (open !== null) return;
    byId("unit-rows").replaceChildren(...units.map(row));
    byId("no-units").hidden = units.length > 0;
    byId("units").hidden = units.length === 0;
  } catch (refused) {
    if (refused.status === 401) location.assign("/sign-in");
    setText(byId("units-problem"), refused.message);
  }
}

function row(unit) {
  const register = element(
    "button",
    { type: "button", "data-action": "register", onClick: () => showForm(unit, line) },
    icon("check"),
    say("Register"),
  );
  const line = element(
    "tr",
    { "data-unit-id": unit.unit_id },
    element("th", { scope: "row", class: "mono" }, unit.unit_id),
    element("td", {}, unit.codec),
    element("td", { class: "mono" }, unit.address),
    element("td", {}, time(unit.first_seen_at)),
    element("td", {}, time(unit.last_seen_at)),
    element("td", { class: "figure" }, number(unit.frames)),
    element("td", {}, register),
  );
  return line;
}

function showForm(unit, line) {
  if (open !== null) return;
  open = unit.unit_id;
  const problem = element("p", { class: "problem", role: "alert" });
  const form = element(
    "form",
    { class: "register-form", onSubmit: (event) => send(event, unit, form, problem) },
    field(say("Name"), element("input", { name: "name", required: true, maxlength: "200" })),
    field(
      say("What it protects"),
      element(
        "select",
        { name: "kind" },
        ["vehicle", "lone_worker", "senior"].map((word) => element("option", { value: word }, kind(word))),
      ),
    ),
    field(
      say("Client"),
      element(
        "select",
        { name: "organisation_id", required: true },
        organisations.map(({ id, name }) => element("option", { value: id }, name)),
      ),
    ),
    element("button", { type: "submit", class: "primary", "data-action": "register-confirm" }, say("Register this unit")),
    element("button", { type: "button", onClick: close }, say("Not now")),
    problem,
  );
  const opened = element("tr", { class: "form-row" }, element("td", { colspan: COLUMNS }, form));
  line.after(opened);
  form.querySelector("input").focus();
}

async function send(event, unit, form, problem) {
  event.preventDefault();
  setText(problem, "");
  const fields = Object.fromEntries(new FormData(form));
  try {
    await ask("POST", `/units/${encodeURIComponent(unit.unit_id)}/register`, fields);
    setText(byId("units-said"), say("{unit} is registered as {name}.", { unit: unit.unit_id, name: fields.name }));
    close();
  } catch (refused) {
    setText(problem, refused.message);
  }
}

function close() {
  open = null;
  refresh();
}

function field(words, input) {
  return element("label", {}, words, input);
}

try {
  organisations = await askAll("/organisations?limit=200");
} catch (refused) {
  setText(byId("units-problem"), refused.message);
}
await refresh();
document.body.dataset.ready = "true";
setInterval(refresh, REFRESH_MS);
