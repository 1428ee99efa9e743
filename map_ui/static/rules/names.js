/** Fields that complete names: what the beginning of one could mean is offered below them. */

import { element } from "/static/pages/dom.js";

const WAIT_MS = 150;
let asked = null;

document.addEventListener("input", ({ target }) => {
  if (target.matches?.("[data-names]")) offer(target);
});

document.addEventListener("focusin", ({ target }) => {
  if (target.matches?.("[data-names]") && !target.list?.options.length) offer(target);
});

function offer(input) {
  clearTimeout(asked);
  asked = setTimeout(async () => {
    const query = new URLSearchParams({ what: input.dataset.names, search: input.value });
    const answer = await fetch(`/rules/names?${query}`).catch(() => null);
    if (!answer?.ok) return;
    const names = await answer.json();
    input.list?.replaceChildren(...names.map((name) => element("option", { value: name })));
  }, WAIT_MS);
}
