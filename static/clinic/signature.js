// A pad to sign on. Strokes are kept as whole numbers in a box of 600 by 200, whatever the size of the screen, and
// travel as JSON in a hidden input: [[[x, y, ms], …], …], ms since the first point. The server draws them.
"use strict";

const BOX = { width: 600, height: 200 };
const MOST_STROKES = 50;
const MOST_POINTS = 4000;
const MOST_LETTERS = 60000; // the server takes 64 KB
const LINE = 2.6; // in the units of the box
const STEP = 12; // of the box, for one press of an arrow key; with Shift a third of it
const WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function startPad(root) {
  const canvas = root.querySelector("canvas");
  const status = root.querySelector("[role=status]");
  const target = document.getElementById(root.dataset.target);
  const ink = canvas.getContext("2d");
  const strokes = restore(target.value);
  let current = null;
  let pointer = null; // the one that draws now, not a hand that rests on the glass
  let began = null;
  const pen = { at: [60, 120], down: false, shown: false }; // the one that keys move

  const within = (value, most) => Math.min(most, Math.max(0, Math.round(value)));

  function place(event) {
    const box = canvas.getBoundingClientRect();
    const x = ((event.clientX - box.left - canvas.clientLeft) / canvas.clientWidth) * BOX.width;
    const y = ((event.clientY - box.top - canvas.clientTop) / canvas.clientHeight) * BOX.height;
    return [within(x, BOX.width), within(y, BOX.height), moment(event)];
  }

  const moment = (event) => Math.max(0, Math.round(event.timeStamp - began));

  function begin(event, at) {
    if (began === null || !strokes.length) began = event.timeStamp - (strokes.at(-1)?.at(-1)[2] ?? 0);
    current = [at(event)];
    strokes.push(current);
    repaint();
  }

  function draw(stroke) {
    ink.beginPath();
    ink.moveTo(stroke[0][0], stroke[0][1]);
    for (const [x, y] of stroke) ink.lineTo(x, y); // a lone point becomes a dot
    ink.stroke();
  }

  function repaint() {
    const ratio = window.devicePixelRatio || 1;
    canvas.width = Math.round(canvas.clientWidth * ratio); // also wipes it
    canvas.height = Math.round(canvas.clientHeight * ratio);
    ink.setTransform(canvas.width / BOX.width, 0, 0, canvas.height / BOX.height, 0, 0);
    ink.lineWidth = LINE;
    ink.lineCap = ink.lineJoin = "round";
    ink.strokeStyle = ink.fillStyle = getComputedStyle(canvas).color;
    strokes.forEach(draw);
    if (pen.shown) showPen();
  }

  function showPen() {
    ink.beginPath();
    ink.arc(...pen.at, pen.down ? 4 : 7, 0, 2 * Math.PI);
    if (pen.down) ink.fill();
    ink.stroke();
  }

  const tooMuch = () =>
    strokes.reduce((sum, stroke) => sum + stroke.length, 0) > MOST_POINTS ||
    JSON.stringify(strokes).length > MOST_LETTERS;

  // Drop every second point of the longest stroke, but never its ends: the shape stays and the limits hold.
  function thinOut() {
    while (tooMuch()) {
      const longest = strokes.reduce((a, b) => (b.length > a.length ? b : a));
      const kept = longest.filter((_, at) => at % 2 === 0 || at === longest.length - 1);
      longest.splice(0, longest.length, ...kept);
    }
  }

  function save() {
    thinOut();
    target.value = strokes.length ? JSON.stringify(strokes) : "";
    const words = pen.down ? "The pen is down" : strokes.length ? "Signature drawn" : "Signature is empty";
    if (status.textContent !== words) status.textContent = words;
    repaint();
  }

  function add(event) {
    const samples = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
    for (const sample of samples.length ? samples : [event]) {
      const point = place(sample);
      const last = current[current.length - 1];
      if (point[0] !== last[0] || point[1] !== last[1]) current.push(point);
    }
    repaint();
  }

  canvas.addEventListener("pointerdown", (event) => {
    letGo();
    const penOverHand = current && event.pointerType === "pen" && pointer.pointerType !== "pen";
    if (penOverHand) {
      strokes.pop();
      current = null;
    }
    if (!event.isPrimary || event.button !== 0 || current || strokes.length >= MOST_STROKES) return;
    event.preventDefault();
    pointer = event;
    canvas.setPointerCapture(event.pointerId);
    begin(event, place);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (current && event.pointerId === pointer.pointerId) add(event);
  });
  for (const end of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(end, (event) => {
      if (!current || event.pointerId !== pointer.pointerId) return;
      current = null;
      save();
    });
  }

  // The arrow keys move a pen, the space key puts it down and lifts it.
  const atPen = (event) => [...pen.at, moment(event)];

  function move([x, y], event) {
    const step = event.shiftKey ? STEP / 3 : STEP;
    pen.at = [within(pen.at[0] + step * x, BOX.width), within(pen.at[1] + step * y, BOX.height)];
    if (pen.down) current.push(atPen(event));
    repaint();
  }

  function turn(event) {
    if (event.repeat || (!pen.down && strokes.length >= MOST_STROKES)) return;
    pen.down = !pen.down;
    if (pen.down) begin(event, atPen);
    else current = null;
    save();
  }

  function letGo() {
    if (!pen.shown) return;
    if (pen.down) current = null;
    pen.down = pen.shown = false;
    save();
  }

  canvas.addEventListener("keydown", (event) => {
    const fingerDraws = current && !pen.down;
    if (fingerDraws || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key !== " " && !WAYS[event.key]) return;
    event.preventDefault(); // else the page scrolls
    pen.shown = true;
    if (WAYS[event.key]) move(WAYS[event.key], event);
    else turn(event);
  });
  canvas.addEventListener("blur", letGo);
  root.querySelector("[data-undo]").addEventListener("click", () => {
    strokes.pop();
    save();
  });
  root.querySelector("[data-clear]").addEventListener("click", () => {
    strokes.length = 0;
    save();
  });
  new ResizeObserver(repaint).observe(canvas);
  root.hidden = false;
  save();
}

// After a refused post the server gives back what was drawn. Anything that is not strokes counts as nothing drawn.
function restore(text) {
  try {
    const strokes = JSON.parse(text || "[]");
    const isPoint = (point) => Array.isArray(point) && point.length === 3 && point.every(Number.isInteger);
    const isStroke = (stroke) => Array.isArray(stroke) && stroke.length > 0 && stroke.every(isPoint);
    return Array.isArray(strokes) && strokes.every(isStroke) ? strokes.slice(0, MOST_STROKES) : [];
  } catch {
    return [];
  }
}

document.querySelectorAll("[data-signature]").forEach(startPad);

// Beside a signature, the Enter key in a box sends nothing: to agree takes the button. Without scripts the key presses
// the form's first button, which decides nothing.
document.addEventListener("keydown", (event) => {
  const signing = event.target.closest?.("form")?.querySelector("[data-signature]");
  if (event.key === "Enter" && signing && event.target.matches("input")) event.preventDefault();
});
