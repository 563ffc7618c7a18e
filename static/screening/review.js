// A link to a part of the review opens the details there. Without scripts that takes one more click.
"use strict";

function unfold() {
  const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  const around = target.closest("details");
  if (around) around.open = true;
  const place = target.matches("h2") ? target.parentElement : target;
  const folded = place.querySelector("details");
  if (folded) folded.open = true;
  // Move the focus there, for the keyboard.
  place.querySelector("input:not([type=hidden]), textarea, summary")?.focus({ preventScroll: true });
}
addEventListener("hashchange", unfold);
document.addEventListener("click", (event) => {
  if (event.target.closest?.("a")?.hash === location.hash && location.hash) unfold(); // the same link again
});
unfold();
