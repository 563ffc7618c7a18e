// A page that shows a visit asks whether somebody is there, and locks. The server counts too, and decides.
"use strict";

const TELL_EVERY = 20_000; // milliseconds
const LOOK_EVERY = 5000;
const SAID_AT = [60, 30, 10]; // seconds left; more would talk over everything else

function watchOver(dialog) {
  const quiet = dialog.dataset.minutes * 60_000;
  const countdown = dialog.dataset.seconds * 1000;
  let lastAct = Date.now();
  let lastTold = lastAct;
  let locked = false;
  let announced = Infinity;

  const ask = async (address) => (await fetch(address, { method: "POST", cache: "no-store" })).json();
  const home = () => location.replace(dialog.dataset.home);

  async function tell() {
    lastTold = Date.now();
    try {
      if (!(await ask(dialog.dataset.more)).open) home();
    } catch {
      // No answer: what the patient sends next tells the server as well.
    }
  }

  function moreTime() {
    lastAct = Date.now();
    announced = Infinity;
    dialog.close();
    tell();
  }

  function count(left) {
    if (!dialog.open) dialog.showModal();
    const seconds = Math.max(0, Math.ceil(left / 1000));
    const rest = String(seconds % 60).padStart(2, "0");
    dialog.querySelector("[data-left]").textContent = `${Math.floor(seconds / 60)}:${rest}`;
    const due = SAID_AT.filter((at) => seconds <= at && at < announced).pop();
    if (due === undefined) return;
    announced = due;
    dialog.querySelector("[data-said]").textContent = `This screen locks in ${due} seconds.`;
  }

  // First empty the page, then tell the server, which may be out of reach.
  function lock() {
    locked = true;
    dialog.close();
    const message = document.querySelector("[data-locked]").content.cloneNode(true);
    document.querySelector(".tablet-page").replaceChildren(message);
    document.querySelectorAll(".tablet-header > :not(.clinic-name)").forEach((part) => part.remove());
    document.title = "Locked";
    document.querySelector("h1").focus();
    leave();
  }

  async function leave() {
    try {
      await ask(dialog.dataset.lock);
      home();
    } catch {
      setTimeout(leave, 5000);
    }
  }

  // If staff took the tablet back, or handed it to somebody else, nobody may read this page any more.
  async function stillOurs() {
    try {
      const answer = await fetch(dialog.dataset.state, { cache: "no-store", redirect: "error" });
      if (String((await answer.json()).hold) !== dialog.dataset.hold) return home();
    } catch {
      // No answer. It asks again.
    }
    setTimeout(stillOurs, LOOK_EVERY);
  }

  function look() {
    const still = Date.now() - lastAct;
    if (locked) return;
    if (still >= quiet + countdown) lock();
    else if (still >= quiet) count(quiet + countdown - still);
    else if (lastAct > lastTold && Date.now() - lastTold > TELL_EVERY) tell();
  }

  for (const act of ["pointerdown", "keydown", "input", "scroll"]) {
    const note = () => {
      if (!dialog.open) lastAct = Date.now();
    };
    document.addEventListener(act, note, { capture: true, passive: true });
  }
  dialog.querySelector("[data-more-time]").addEventListener("click", moreTime);
  dialog.addEventListener("cancel", (event) => {
    event.preventDefault(); // Esc is an answer as well
    moreTime();
  });
  document.addEventListener("visibilitychange", look); // a tablet that slept does not count
  setInterval(look, 1000);
  setTimeout(stillOurs, LOOK_EVERY);
}

const stillThere = document.querySelector("[data-still-there]");
if (stillThere) watchOver(stillThere);
