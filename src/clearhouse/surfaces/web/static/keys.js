// Keyboard at the desk: j and k move through rows, Enter opens, g then a letter goes to a page,
// ? shows this. Everything works without it.
"use strict";

const rows = () => [...document.querySelectorAll("tr[data-open]")];
let waitingForPage = false;

function choose(step) {
  const all = rows();
  if (!all.length) return;
  const now = all.findIndex((row) => row.classList.contains("chosen"));
  const next = now < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, now + step));
  all[now]?.classList.remove("chosen");
  all[next].classList.add("chosen");
  all[next].scrollIntoView({ block: "nearest" });
  all[next].querySelector("a.main")?.focus({ preventScroll: true });
}

function goTo(key) {
  document.querySelector(`nav a[data-key="${CSS.escape(key)}"]`)?.click();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, textarea, select")) return;
  if (waitingForPage) {
    waitingForPage = false;
    goTo(event.key);
    return;
  }
  const help = document.getElementById("keys");
  if (event.key === "j") choose(1);
  else if (event.key === "k") choose(-1);
  else if (event.key === "g") waitingForPage = true;
  else if (event.key === "/") {
    const search = document.querySelector("[data-search]");
    if (search) { event.preventDefault(); search.focus(); }
  } else if (event.key === "?") help?.open ? help.close() : help?.showModal();
});
