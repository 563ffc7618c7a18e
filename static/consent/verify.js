// The file stays in the browser: only its SHA-256 goes into the form, which is then sent as if it was typed.
"use strict";

const form = document.querySelector("[data-digest-form]");
const chooser = document.querySelector("[data-file]");
const message = document.querySelector("[data-said]");

function hex(buffer) {
  return Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function ask(file) {
  message.textContent = `Computing the SHA-256 of ${file.name} …`;
  try {
    form.elements.sha256.value = hex(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()));
  } catch {
    message.textContent = "This file could not be read. Try again, or paste its SHA-256 below.";
    return;
  }
  form.requestSubmit();
}

if (globalThis.crypto?.subtle) {
  document.querySelector("[data-with-file]").hidden = false;
  chooser.addEventListener("change", () => chooser.files[0] && ask(chooser.files[0]));
} else {
  document.querySelector("[data-without-file]").hidden = false;
}
