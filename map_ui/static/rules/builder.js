/**
 * The form of a rule, where a browser must help: facts that are put where one writes, problems
 * beside their fields, and the keyboard where it was.
 */

import { byId, setText } from "/static/pages/dom.js";

import "./names.js";

const form = byId("rule-form");

let writing = null;
let next = "";

/** The rule's shape changed: the server draws its conditions anew. */
function reshape() {
  form.requestSubmit(form.querySelector("button[name=do][value='']"));
}

form?.addEventListener("change", ({ target }) => {
  if (target.matches("[data-reshapes]") || (target.matches("[data-names]") && target.value.trim())) reshape();
});

form?.addEventListener("focusin", ({ target }) => {
  if (target.matches("textarea[name^='messages.']")) writing = target;
});

form?.addEventListener("click", ({ target }) => {
  const chip = target.closest("[data-fact]");
  if (chip) put(chip.dataset.fact);
});

/** Put words where somebody was writing. */
function put(words) {
  const place = writing?.isConnected ? writing : form.querySelector(`textarea[lang=${document.documentElement.lang}]`);
  place.setRangeText(words, place.selectionStart, place.selectionEnd, "end");
  place.focus();
  place.dispatchEvent(new Event("input", { bubbles: true }));
}

form?.addEventListener("submit", ({ submitter }) => {
  next = submitter?.value ?? "";
});

/** After a button is gone with what it stood beside, the keyboard goes on from where that was. */
document.body.addEventListener("htmx:after:swap", () => {
  const [verb, path, name] = next.split(":");
  next = "";
  if (!verb) return;
  const places = {
    and: () => lastPart(path),
    or: () => lastPart(path),
    unname: () => byId(`field-${path}.f.${name}`),
    unscope: () => byId(`field-scope.${path}`),
    drop: () => byId("field-w.kind"),
  };
  places[verb]?.()?.focus();
});

/** The last condition that nobody has chosen yet. */
function lastPart() {
  return [...form.querySelectorAll("select[name$='.kind']")].filter(({ value }) => value === "").at(-1);
}

/** What the service says of a field stands beside it, too. */
new MutationObserver(() => {
  for (const place of form.querySelectorAll("[data-problem]")) setText(place, "");
  for (const field of form.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
  for (const link of byId("rule-answer").querySelectorAll("a[href^='#field-']")) {
    const id = link.getAttribute("href").slice("#field-".length);
    const place = [...form.querySelectorAll("[data-problem]")].find((each) => each.dataset.problem === id);
    if (place) setText(place, link.parentElement.textContent.slice(link.textContent.length).replace(/^[:\s]+/, "").trim());
    byId(`field-${id}`)?.setAttribute("aria-invalid", "true");
  }
}).observe(byId("rule-answer") ?? document.createElement("i"), { childList: true, subtree: true });
