"use strict";

// Sends the chosen file as it is, and shows how far it is.

const form = document.getElementById("load");
const loaded = document.getElementById("loaded");
const [submit, abort] = form.querySelectorAll("button");
const progress = form.querySelector("[data-progress]");
const bar = progress.querySelector("progress");
const words = progress.querySelector("[data-words]");

function isSending(sending) {
  submit.disabled = sending;
  abort.hidden = progress.hidden = !sending;
}

function fail(text) {
  const notice = document.createElement("p");
  notice.className = "notice error";
  notice.setAttribute("role", "alert");
  notice.textContent = text;
  loaded.replaceChildren(notice);
}

function showSent({ loaded: sent, total }) {
  const percent = Math.floor((100 * sent) / total);
  bar.value = percent;
  if (sent < total) {
    words.textContent = `Sent ${percent} %`;
  } else {
    words.textContent = "Sent. The lines are being put in place …";
    bar.removeAttribute("value");
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const { file, strict, replace } = form.elements;
  const chosen = file.files[0];
  const sending = new XMLHttpRequest();
  const query = new URLSearchParams({ strict: strict.checked, replace: replace.checked });
  sending.open("PUT", `${form.dataset.address}?${query}`);
  sending.setRequestHeader("Content-Type", /\.(ndjson|jsonl)(\.gz)?$/i.test(chosen.name) ? "application/x-ndjson" : "text/csv");
  sending.setRequestHeader(form.dataset.tokenHeader, form.dataset.token);
  sending.setRequestHeader("HX-Request", "true");
  sending.upload.addEventListener("progress", showSent);
  sending.addEventListener("load", () => {
    const to = sending.getResponseHeader("HX-Redirect");
    if (to) {
      location.assign(to);
    } else {
      // Our own server's, escaped there.
      loaded.innerHTML = sending.responseText;
    }
  });
  sending.addEventListener("error", () => fail("The file could not be sent, and nothing was kept. Try again."));
  sending.addEventListener("abort", () => fail("Stopped; nothing was kept."));
  sending.addEventListener("loadend", () => isSending(false));
  abort.onclick = () => sending.abort();
  loaded.replaceChildren();
  isSending(true);
  sending.send(chosen);
});

submit.disabled = false;
