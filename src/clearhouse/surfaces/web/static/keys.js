// Keyboard at the desk. Which key does what stands in one table on the server: the help has it as
// attributes, and whatever a key presses names its key. Everything works without this script.
"use strict";

const help = document.getElementById("keys");
const own = help?.dataset ?? {};
const STORED = "clearhouse-keys-off";
let waitingForPage = false;
let off = localStorage.getItem(STORED) === "yes";

function choose(step) {
  const all = [...document.querySelectorAll("tr[data-open]")];
  if (!all.length) return;
  const now = all.findIndex((row) => row.classList.contains("chosen"));
  const next = now < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, now + step));
  all[now]?.classList.remove("chosen");
  all[next].classList.add("chosen");
  all[next].scrollIntoView({ block: "nearest" });
  all[next].querySelector("a.main")?.focus({ preventScroll: true });
}

function press(key) {
  const name = `[data-press="${CSS.escape(key)}"]`;
  const found = document.querySelector(`main ${name}`) ?? document.querySelector(name);
  if (!found) return false;
  if (found.matches("a, button")) found.click();
  else {
    found.scrollIntoView({ block: "start" });
    found.querySelector("a, button")?.focus();
  }
  return true;
}

function showHelp() {
  if (!help) return;
  if (help.open) help.close();
  else help.showModal();
}

function sayWhetherOff() {
  const button = document.querySelector("[data-keys-switch]");
  if (button) button.textContent = off ? "Switch keys on" : "Switch keys off";
}

document.querySelector("[data-help]")?.addEventListener("click", (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  showHelp();
});
document.querySelector("[data-close]")?.addEventListener("click", () => help.close());
document.querySelector("[data-keys-switch]")?.addEventListener("click", () => {
  off = !off;
  localStorage.setItem(STORED, off ? "yes" : "no");
  sayWhetherOff();
});
sayWhetherOff();

document.addEventListener("keydown", (event) => {
  if (off || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, textarea, select")) return;
  const key = event.key;
  if (waitingForPage) {
    waitingForPage = false;
    document.querySelector(`a[data-key="${CSS.escape(key)}"]`)?.click();
  } else if (key === own.help) {
    event.preventDefault();
    showHelp();
  } else if (help?.open) return;
  else if (key === own.down) choose(1);
  else if (key === own.up) choose(-1);
  else if (key === own.go) waitingForPage = true;
  else if (key === own.search) {
    const search = document.querySelector("[data-search]");
    if (search) { event.preventDefault(); search.focus(); }
  } else if (!event.repeat && press(key)) event.preventDefault();
});
