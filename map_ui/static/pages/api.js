/** Asking the service. Every refusal arrives as a `Refused` that can be shown to a person. */

import { say } from "./words.js";

const csrf = document.querySelector('meta[name="csrf"]')?.content ?? "";

/** The service said no (RFC 9457), or could not be reached (`status` 0). */
export class Refused extends Error {
  constructor(status, problem) {
    super(problem.detail || problem.title || say("The server could not do this. Try again."));
    this.status = status;
    this.problem = problem;
  }
}

/**
 * @param {"GET"|"POST"|"PATCH"|"DELETE"} method
 * @param {string} path below /api/v1
 * @param {object} [body]
 * @returns {Promise<any>} the answer, or null when it has no content
 * @throws {Refused}
 */
export async function ask(method, path, body) {
  let answer;
  try {
    answer = await fetch(`/api/v1${path}`, {
      method,
      headers: {
        Accept: "application/json",
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        ...(method === "GET" ? {} : { "X-CSRF-Token": csrf }),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: "same-origin",
    });
  } catch {
    throw new Refused(0, { title: say("The server cannot be reached. Try again.") });
  }
  if (answer.ok) return answer.status === 204 ? null : answer.json();
  const problem = await answer.json().catch(() => ({}));
  throw new Refused(answer.status, problem);
}

/** Every row of a list that comes in pages. */
export async function askAll(path) {
  const rows = [];
  let cursor = null;
  do {
    const joint = path.includes("?") ? "&" : "?";
    const page = await ask("GET", cursor === null ? path : `${path}${joint}cursor=${cursor}`);
    rows.push(...(Array.isArray(page) ? page : page.items));
    cursor = page.next ? encodeURIComponent(page.next) : null;
  } while (cursor !== null);
  return rows;
}
