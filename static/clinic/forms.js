// What forms do on every page, beyond what the server does: nothing here is needed to answer or to send.
// What was typed is kept in the page and nowhere else.
"use strict";

// Milliseconds.
const SENT_FOR = 8000; // an answer that is a download never replaces the page
const PAUSES = [1000, 2000, 4000, 8000, 15000]; // between tries while the server does not answer
const SILENCE = 6000; // until a try without an answer is reported
const ONE_TRY = 30000; // the server itself waits ten seconds for its database

// The error summary is heard and seen first.
document.querySelector("[data-focus]")?.focus();

// One tap, one post. The button keeps its name and value, which a disabled one would lose.
function letGo(form) {
  delete form.dataset.sent;
  form.querySelectorAll("[aria-disabled=true]").forEach((button) => button.removeAttribute("aria-disabled"));
}

document.addEventListener("submit", (event) => {
  const { target: form, submitter } = event;
  if (form.dataset.sent) {
    event.preventDefault();
    trying.get(form)?.(submitter);
    return;
  }
  form.dataset.sent = "yes";
  submitter?.setAttribute("aria-disabled", "true");
  if (form.elements.form_key && notSaved && !form.dataset.heard) {
    event.preventDefault();
    deliver(form, submitter);
  } else {
    setTimeout(letGo, SENT_FOR, form);
  }
});

// A form with a key is taken once by the server, however often it comes. So the page stays, with all that was typed,
// until the server has it; and the next page takes its place, so that going back never shows answers.
const notSaved = document.getElementById("not-saved");
const trying = new WeakMap(); // form -> what wakes it between two tries, given the button that was tapped

async function deliver(form, submitter) {
  for (let tries = 0; ; tries++) {
    const slow = setTimeout(sayNotSaved, SILENCE, submitter ?? form);
    const answer = await post(form, submitter);
    clearTimeout(slow);
    if (answer?.redirected) return location.replace(answer.url);
    if (answer) return hear(form, submitter);
    sayNotSaved(submitter ?? form);
    submitter = await pause(form, submitter, PAUSES[Math.min(tries, PAUSES.length - 1)]);
  }
}

// Null where the server cannot be reached or could not save.
async function post(form, submitter) {
  const data = new FormData(form);
  if (submitter?.name) data.append(submitter.name, submitter.value);
  const address = submitter?.hasAttribute("formaction") ? submitter.formAction : form.action;
  try {
    const signal = AbortSignal.timeout?.(ONE_TRY);
    const answer = await fetch(address, { method: "POST", body: new URLSearchParams(data), signal });
    return answer.status < 500 ? answer : null;
  } catch {
    return null;
  }
}

// No redirect: nothing was saved, and the server has something to say. The browser asks again, and shows it.
function hear(form, submitter) {
  letGo(form);
  form.dataset.heard = "yes";
  form.requestSubmit(submitter);
  delete form.dataset.heard;
}

function sayNotSaved(place) {
  if (!notSaved.hidden) return;
  (place.closest(".actions") ?? place).before(notSaved);
  notSaved.hidden = false;
  notSaved.scrollIntoView({ block: "nearest" });
}

function pause(form, submitter, time) {
  return new Promise((resolve) => {
    const wake = (tapped) => {
      trying.delete(form);
      resolve(tapped ?? submitter);
    };
    trying.set(form, wake);
    setTimeout(wake, time, submitter);
    window.addEventListener("online", () => wake(submitter), { once: true });
  });
}

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

// <div data-when="way=draw">: shown while the radio "way" is on "draw". Without scripts it is always shown.
function showParts() {
  document.querySelectorAll("[data-when]").forEach((part) => {
    const [name, value] = part.dataset.when.split("=");
    const scope = part.closest("form") ?? document; // several forms of one kind may stand on a page
    const chosen = scope.querySelector(`input[name="${CSS.escape(name)}"]:checked`);
    part.classList.toggle("not-chosen", chosen?.value !== value);
  });
}
document.addEventListener("change", showParts);
showParts();
