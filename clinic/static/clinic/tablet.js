// The tablet's pages: nothing comes back from the browser's memory, and a waiting page moves on by itself.
"use strict";

const EVERY = 3000; // milliseconds

const fetchAgain = () => location.replace(location.href);

// A page kept alive in memory would show one patient's answers to the next. Ask the server what this tablet shows now.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) fetchAgain();
});

const waiting = document.querySelector("[data-poll]");

async function look() {
  try {
    const answer = await fetch(waiting.dataset.poll, { cache: "no-store", headers: { Accept: "application/json" } });
    if (answer.ok && (await answer.json()).state !== waiting.dataset.pollState) return fetchAgain();
  } catch {
    // No answer: this page says nothing that could be wrong, so it waits and asks again.
  }
  setTimeout(look, EVERY);
}

if (waiting) setTimeout(look, EVERY);
