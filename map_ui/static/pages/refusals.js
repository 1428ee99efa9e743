/**
 * What the service could not answer a form with is said beside it, and what was typed stays.
 *
 * A form names the place of its answers by `data-answer`. Refusals in words (422) come from the
 * service as they are shown; this speaks for everything else that can go wrong on the way.
 */

import { setText } from "./dom.js";
import { say } from "./words.js";

const IN_WORDS = 422;

const REASONS = {
  401: () => say("You are no longer signed in. Sign in in another tab, then try again."),
  403: () => say("You may not do this."),
  413: () => say("This is too much at once. Cut it in parts."),
};

document.body.addEventListener("htmx:response:error", ({ detail: { ctx } }) => {
  const { status } = ctx.response;
  if (status === IN_WORDS) return;
  tell(ctx, REASONS[status]?.() ?? say("The server could not do this. Try again."));
});

document.body.addEventListener("htmx:error", ({ detail: { ctx } }) => {
  if (ctx?.response === undefined) tell(ctx, say("The server cannot be reached. Try again."));
});

/** A request that goes out takes the answer to the last one away. */
document.body.addEventListener("htmx:before:request", ({ detail: { ctx } }) => tell(ctx, ""));

function tell(ctx, words) {
  const place = ctx?.sourceElement?.closest("form")?.dataset.answer;
  if (place) setText(document.getElementById(place), words);
}
