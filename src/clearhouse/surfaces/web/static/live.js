// Keeps the parts of a page that change by themselves as they are on the server. It asks for the
// same page again, as the same person, and takes over only parts marked `data-live`; so it can show
// nothing that loading the page again would not. It rests while nobody looks, and can be paused.
"use strict";

const EVERY_MS = 15000;
const SOON_MS = 2000;
const status = document.querySelector("[data-live-status]");
const said = document.querySelector("[data-live-said]");
const button = document.querySelector("[data-live-switch]");
const marked = () => [...document.querySelectorAll("[data-live][id]")];
let paused = false;
let waiting = 0;

function isBusy(part) {
  const selected = document.getSelection();
  const reading = selected && !selected.isCollapsed && part.contains(selected.anchorNode);
  return reading || part.querySelector("input:focus, select:focus, textarea:focus, button:focus");
}

function takeOver(part, fresh) {
  if (part.innerHTML === fresh.innerHTML || isBusy(part)) return;
  const address = part.querySelector("a:focus")?.getAttribute("href");
  const chosen = part.querySelector("tr.chosen a.main")?.getAttribute("href");
  part.replaceWith(document.adoptNode(fresh));
  const links = [...fresh.querySelectorAll("a")];
  links.find((link) => link.getAttribute("href") === chosen)?.closest("tr")?.classList.add("chosen");
  if (address) links.find((link) => link.getAttribute("href") === address)?.focus({ preventScroll: true });
}

function tell(words) {
  if (said) said.textContent = words;
}

async function refresh() {
  if (document.hidden || paused) return plan(EVERY_MS);
  try {
    const answer = await fetch(location.href, { cache: "no-store", credentials: "same-origin" });
    if (!answer.ok || answer.redirected) {
      tell("No longer live: load the page again.");
      button?.remove();
      return;
    }
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of marked()) {
      const fresh = page.getElementById(part.id);
      if (fresh?.hasAttribute("data-live")) takeOver(part, fresh);
    }
    tell(`Live, as of ${new Date().toISOString().slice(11, 19)} UTC.`);
  } catch {
    tell("Not live: the desk does not answer.");
  }
  plan(EVERY_MS);
}

function plan(later) {
  clearTimeout(waiting);
  waiting = setTimeout(refresh, document.querySelector("[data-live-soon]") ? SOON_MS : later);
}

if (status && marked().length) {
  status.hidden = false;
  tell("Live.");
  button?.addEventListener("click", () => {
    paused = !paused;
    button.textContent = paused ? "Go on" : "Pause";
    tell(paused ? "Paused." : "Live.");
    if (!paused) refresh();
  });
  document.addEventListener("visibilitychange", () => { if (!document.hidden && !paused) refresh(); });
  plan(EVERY_MS);
}
