// "Read it to me": the page is spoken by a voice on this device. A voice from elsewhere would send the text away, so it
// does not count; without one in the page's language there is no button. What the patient answered is not read out.
const READ = "h1, h2, h3, legend, label, p, li, dt, button, a.btn";
const UNREAD = "[data-unread], .signature-tools, .not-chosen, [hidden], [aria-hidden=true]";

const reader = document.querySelector("[data-aloud]");
const speech = window.speechSynthesis;
const language = document.documentElement.lang.toLowerCase();

const primary = (code) => code.toLowerCase().split(/[-_]/)[0];

function ownVoice() {
  const fitting = speech.getVoices().filter((voice) => voice.localService && primary(voice.lang) === primary(language));
  return fitting.find((voice) => voice.lang.toLowerCase().replace("_", "-") === language) ?? fitting[0];
}

function* passages() {
  for (const part of document.querySelectorAll("main :is(" + READ + ")")) {
    if (part.closest(UNREAD) || part.querySelector(READ) || !part.getClientRects().length) continue;
    const words = part.textContent.replace(/\s+/g, " ").trim();
    if (words) yield words;
  }
}

function show(reading) {
  reader.dataset.reading = reading ? "yes" : "";
  reader.textContent = reading ? reader.dataset.stop : reader.dataset.start;
}

function stop() {
  speech.cancel();
  show(false);
}

function read() {
  stop();
  const voice = ownVoice();
  const utterances = [...passages()].map((words) => Object.assign(new SpeechSynthesisUtterance(words), { voice, lang: voice.lang }));
  if (!utterances.length) return;
  utterances.at(-1).addEventListener("end", () => show(false));
  show(true);
  utterances.forEach((utterance) => speech.speak(utterance));
}

function offer() {
  reader.hidden = !ownVoice();
}

if (reader && speech) {
  reader.dataset.start = reader.textContent;
  reader.addEventListener("click", () => (reader.dataset.reading ? stop() : read()));
  window.addEventListener("pagehide", stop);
  speech.addEventListener?.("voiceschanged", offer); // voices may load after the page
  offer();
}
