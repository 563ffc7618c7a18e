// Staff pages: htmx under the content security policy, and an alert bar that neither steals the focus nor hides faults.
"use strict";

// htmx turns the server's fragments into elements with one parser, which is closed to plain strings here. It gets a
// named policy; every other way to make elements from text stays closed. The parser runs no scripts.
const policy = window.trustedTypes?.createPolicy("htmx", { createHTML: (html) => html });
if (policy && Document.parseHTMLUnsafe) {
  const parse = Document.parseHTMLUnsafe;
  Document.parseHTMLUnsafe = (html) => parse.call(Document, policy.createHTML(html));
}

const cutOff = document.getElementById("cut-off");
const signedOut = document.getElementById("signed-out");
const last = new WeakMap();

// Each answer brings a new CSRF token; that alone is no change.
const shown = (html) => html.replace(/name="csrfmiddlewaretoken" value="[^"]*"/g, "");
const path = (address) => new URL(address, location.href).pathname;

// An answer equal to the last one is not put in again: a screen reader would repeat it, and the focus would be lost.
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const text = shown(detail.xhr.responseText);
  const elsewhere = path(detail.xhr.responseURL) !== path(detail.pathInfo.requestPath);
  if (signedOut) signedOut.hidden = !elsewhere;
  if (elsewhere || last.get(detail.target) === text) detail.shouldSwap = false;
  else if (detail.shouldSwap) last.set(detail.target, text);
});

// The same for a part with its own place: what reads as before stays as it is.
document.addEventListener("htmx:oobBeforeSwap", ({ detail }) => {
  if (detail.fragment.textContent === detail.target.textContent) detail.shouldSwap = false;
});

document.addEventListener("htmx:afterRequest", ({ detail }) => {
  if (cutOff) cutOff.hidden = detail.successful;
});
// A browser that cannot show the answer is as cut off as one that gets none.
document.addEventListener("htmx:onLoadError", () => {
  if (cutOff) cutOff.hidden = false;
});

// A page that is made to be printed has a button for it; without scripts, the browser's own menu prints.
for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}
