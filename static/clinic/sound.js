// A short tone while there is an urgent call. Browsers keep silent until a tap or a key, so staff switch it on; that is
// remembered until the window is closed, and each new page sounds after its first tap at the latest.
"use strict";

{
  const EVERY = 10_000; // ms between tones
  const button = document.getElementById("sound");
  const calls = document.getElementById("urgent");
  let wanted = sessionStorage.getItem("sound") === "on";
  let audio = null;

  const show = () => {
    const ready = audio?.state === "running";
    button.textContent = `Urgent sound: ${wanted ? (ready ? "on" : "on after a tap") : "off"}`;
  };

  const start = () => {
    if (!wanted) return;
    audio ??= new AudioContext();
    audio.resume().then(show, show);
  };

  const beep = (pitch, from) => {
    const tone = audio.createOscillator();
    const loudness = audio.createGain();
    tone.frequency.value = pitch;
    loudness.gain.setValueAtTime(0.25, from);
    loudness.gain.linearRampToValueAtTime(0, from + 0.35);
    tone.connect(loudness).connect(audio.destination);
    tone.start(from);
    tone.stop(from + 0.35);
  };

  const call = () => {
    if (!wanted || audio?.state !== "running" || !calls.querySelector(".urgent-call")) return;
    [880, 660].forEach((pitch, number) => beep(pitch, audio.currentTime + number * 0.4));
  };

  if (button && calls && window.AudioContext) {
    button.hidden = false;
    button.addEventListener("click", () => {
      wanted = !wanted;
      sessionStorage.setItem("sound", wanted ? "on" : "off");
      start();
      show();
    });
    for (const gesture of ["pointerdown", "keydown"]) document.addEventListener(gesture, start, { once: true });
    calls.addEventListener("htmx:afterSwap", call);
    setInterval(call, EVERY);
    start();
    show();
  }
}
