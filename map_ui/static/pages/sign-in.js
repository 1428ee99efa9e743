/** Signing in: the password goes to the service and nowhere else. */

import { ask } from "./api.js";
import { byId, setText } from "./dom.js";
import "./header.js";
import { say } from "./words.js";

const form = byId("sign-in-form");
const button = form.querySelector("button[type=submit]");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const fields = new FormData(form);
  setText(byId("sign-in-problem"), "");
  if (!fields.get("sign_in") || !fields.get("password")) {
    setText(byId("sign-in-problem"), say("Fill in both your sign-in name and your password."));
    form.querySelector(fields.get("sign_in") ? "#password" : "#sign-in").focus();
    return;
  }
  button.disabled = true;
  try {
    await ask("POST", "/sessions", {
      sign_in: fields.get("sign_in"),
      password: fields.get("password"),
    });
    location.assign("/desk");
  } catch (refused) {
    const words =
      refused.status === 401
        ? say("This sign-in name and password do not belong together.")
        : refused.message;
    setText(byId("sign-in-problem"), words);
    byId("password").select();
    button.disabled = false;
  }
});
