// Text size and contrast: the style sheet shows what is ticked at once. This keeps it for the visit's other pages.
const look = document.getElementById("look");

function keepLook() {
  const sent = new FormData(look); // without the radios, where these go with the page's own form
  for (const name of ["text_size", "contrast"]) sent.set(name, look.querySelector(`[name=${name}]:checked`).value);
  // No answer: this page looks right all the same, and its form carries the choice as well.
  fetch(look.action, { method: "POST", body: sent, redirect: "manual", keepalive: true }).catch(() => {});
}

look?.addEventListener("change", keepLook);
