// What forms do on every page, beyond what the server does already: nothing here is needed to answer or to send.
"use strict";

const SENT_FOR = 8000; // milliseconds; an answer that is a download never replaces the page

// The error summary is heard and seen first.
document.querySelector("[data-focus]")?.focus();

// One tap, one post. The button keeps its name and value, which a disabled one would lose.
function letGo(form) {
  delete form.dataset.sent;
  form.querySelectorAll("[aria-disabled=true]").forEach((button) => button.removeAttribute("aria-disabled"));
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
  event.submitter?.setAttribute("aria-disabled", "true");
  setTimeout(letGo, SENT_FOR, form);
});

window.addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach(letGo));

// "None of these" and the other choices of its group rule each other out.
document.addEventListener("change", (event) => {
  const box = event.target;
  if (box.type !== "checkbox" || !box.checked || !box.dataset.exclusive) return;
  const isLastResort = (other) => other.value === other.dataset.exclusive;
  box.form.querySelectorAll(`input[type=checkbox][name="${CSS.escape(box.name)}"]`).forEach((other) => {
    if (other !== box && (isLastResort(box) || isLastResort(other))) other.checked = false;
  });
});

// <div data-when="way=draw">: shown while the radio "way" stands on "draw". Without scripts it is always there.
function showParts() {
  document.querySelectorAll("[data-when]").forEach((part) => {
    const [name, value] = part.dataset.when.split("=");
    const around = part.closest("form") ?? document; // several forms of one kind may stand on a page
    const chosen = around.querySelector(`input[name="${CSS.escape(name)}"]:checked`);
    part.classList.toggle("not-chosen", chosen?.value !== value);
  });
}
document.addEventListener("change", showParts);
showParts();
