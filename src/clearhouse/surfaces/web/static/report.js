// Asks the counter, while somebody writes, which elements of a ready report are there, and says so
// beside the form. Nothing of it is kept. Everything works without it: a button asks the same.
"use strict";

const form = document.querySelector("form[data-check]");
const told = document.getElementById("told");
const PAUSE_MS = 600;
let waiting, asked = 0;

async function ask() {
  const mine = ++asked;
  const fields = new URLSearchParams();
  for (const [name, value] of new FormData(form))
    if (typeof value === "string" && name !== "token" && name !== "key") fields.append(name, value);
  const answer = await fetch(form.dataset.check, {
    method: "POST", body: fields, headers: { Accept: "application/json" }, credentials: "omit",
  });
  if (answer.ok && mine === asked) show(await answer.json());
}

function show({ present = [], missing = [], refused }) {
  const lacks = new Map(missing.map((one) => [one.element, one.what_to_do]));
  for (const one of form.querySelectorAll("li[data-element]")) {
    const there = present.includes(one.dataset.element);
    one.classList.toggle("there", there);
    one.querySelector(".state").textContent = there ? "there" : "would help";
    one.querySelector(".what").textContent = lacks.get(one.dataset.element) ?? "";
  }
  const words = refused ?? `${present.length} of 6 elements of a ready report are there.`;
  if (told.textContent !== words) told.textContent = words;
}

form?.addEventListener("input", (event) => {
  if (event.target.name === "token" || event.target.type === "file") return;
  clearTimeout(waiting);
  waiting = setTimeout(() => ask().catch(() => {}), PAUSE_MS);
});
