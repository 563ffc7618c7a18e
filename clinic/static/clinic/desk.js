// Staff pages: htmx under the content security policy, and an alert bar that neither steals the focus nor hides a fault.
"use strict";

// htmx turns the server's fragments into elements with one of these two parsers, and both are closed to plain strings
// here. They get a named policy; every other way to make HTML from text stays closed. Neither parser runs scripts.
const policy = window.trustedTypes?.createPolicy("htmx", { createHTML: (html) => html });
if (policy) {
  const fromString = DOMParser.prototype.parseFromString;
  DOMParser.prototype.parseFromString = function (html, type) {
    return fromString.call(this, policy.createHTML(html), type);
  };
  const unsafe = Document.parseHTMLUnsafe;
  if (unsafe) Document.parseHTMLUnsafe = (html) => unsafe.call(Document, policy.createHTML(html));
}

const cutOff = document.getElementById("cut-off");
const signedOut = document.getElementById("signed-out");
const last = new WeakMap();

// Each answer brings a new CSRF token; that alone is no change.
const shown = (html) => html.replace(/name="csrfmiddlewaretoken" value="[^"]*"/g, "");
const path = (address) => new URL(address, location.href).pathname;

// An answer equal to the last one is not put in again: a screen reader would say it again, and the focus would be lost.
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const text = shown(detail.xhr.responseText);
  const elsewhere = path(detail.xhr.responseURL) !== path(detail.pathInfo.requestPath);
  if (signedOut) signedOut.hidden = !elsewhere;
  if (elsewhere || last.get(detail.target) === text) detail.shouldSwap = false;
  else if (detail.shouldSwap) last.set(detail.target, text);
});

document.addEventListener("htmx:afterRequest", ({ detail }) => {
  if (cutOff) cutOff.hidden = detail.successful;
});
