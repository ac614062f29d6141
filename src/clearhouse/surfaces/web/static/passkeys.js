// Hands a question about passkeys to the browser and its answer back as a form.
"use strict";

const form = document.querySelector("form[data-passkey]");
const said = document.getElementById("passkey-said");

async function answered() {
  const options = JSON.parse(form.dataset.passkey);
  if (form.dataset.act === "create") {
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
    return navigator.credentials.create({ publicKey });
  }
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
  return navigator.credentials.get({ publicKey });
}

form?.addEventListener("submit", async (event) => {
  if (form.elements.answer.value) return;
  event.preventDefault();
  said.textContent = "";
  try {
    form.elements.answer.value = JSON.stringify((await answered()).toJSON());
    form.submit();
  } catch {
    said.textContent = "No passkey was used. Try again, or choose another way.";
  }
});
