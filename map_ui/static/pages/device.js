/** While its reader wants so, and looks, what is shown of a device is asked for again. */

const EVERY_MS = 5000;
const keepUp = document.getElementById("keep-up");

keepUp.addEventListener("change", refresh);
setInterval(refresh, EVERY_MS);

/** htmx asks for each part of the page that waits for this event. */
function refresh() {
  if (keepUp.checked && !document.hidden) document.body.dispatchEvent(new CustomEvent("refresh"));
}
