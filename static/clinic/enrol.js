// The code of a one-time link comes behind the #, where no server and no log sees it.
"use strict";

const [codeBox, code] = [document.querySelector("[data-enrol] [name=code]"), location.hash.slice(1)];
if (codeBox && code) {
  codeBox.value = code;
  history.replaceState(null, "", location.pathname);
}
