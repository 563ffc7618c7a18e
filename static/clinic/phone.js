// The link's secret stands after the "#", which no browser sends. It goes into the form, and out of the address.
"use strict";

const secret = location.hash.slice(1);
const box = document.querySelector("main input[name=token]");
if (box && secret) {
  box.value = secret;
  history.replaceState(null, "", location.pathname);
}
document.querySelector("[data-no-link]")?.toggleAttribute("hidden", !box || box.value !== "");
