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

// After a visit its history is dropped: go back to where the tablet's pages begin, and drop what comes after.
// In a browser that cannot do this, each entry still leads only to what the server shows now.
function leaveNothingBehind(home) {
  const all = window.navigation?.entries() ?? [];
  const start = all.findLastIndex((entry) => !entry.url?.startsWith(home)) + 1;
  const clean = (entry) => [home, location.href].includes(entry.url);
  if (all.slice(start).every(clean)) return;
  if (navigation.currentEntry.index > start) navigation.traverseTo(all[start].key);
  else history.pushState(null, "", location.href);
}

const [codeBox, code] = [document.querySelector("[data-pairing] [name=code]"), location.hash.slice(1)];
if (codeBox && code) {
  codeBox.value = code;
  history.replaceState(null, "", location.pathname); // it works once, and nobody should read it later
}

const home = new URL("/tablet/", location.href).href;
if ("nothingBehind" in document.body.dataset) leaveNothingBehind(home);
