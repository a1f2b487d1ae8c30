"use strict";

// Looks at the chosen file with the server, again after each choice, then sends it to be loaded.

const section = document.getElementById("upload");
const preview = document.getElementById("preview");
const load = document.getElementById("load");
const loaded = document.getElementById("loaded");
const sure = document.getElementById("sure");
const drop = section.querySelector("[data-drop]");
const input = drop.querySelector("input");
const progress = section.querySelector("[data-progress]");
const words = progress.querySelector("[data-words]");
const bar = progress.querySelector("progress");
const stop = progress.querySelector("[data-stop]");
const problem = section.querySelector("[data-problem]");
const skip = load.querySelector("[data-skip]");
const loadButton = load.querySelector("button");
const why = load.querySelector("[data-why]");

const KINDS = [
  [/\.xlsx$/i, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"],
  [/\.(ndjson|jsonl)(\.gz)?$/i, "application/x-ndjson"],
];
// Parameters that take several names: a single one is read like a line of CSV.
const LISTS = ["customer", "time", "amount"];
const LOST = "The connection was lost before the answer came. The file may be loaded, or not; loading it again does no harm.";

let file = null;
let sending = null;

function isWorkbook() {
  return /\.xlsx$/i.test(file.name);
}

function kind() {
  return KINDS.find(([names]) => names.test(file.name))?.[1] ?? "text/csv";
}

function alertOf(text) {
  const notice = document.createElement("p");
  notice.className = "notice error";
  notice.setAttribute("role", "alert");
  notice.textContent = text;
  return notice;
}

function showSent(share, then) {
  const percent = Math.floor(100 * share);
  if (share < 1) {
    bar.value = percent;
    words.textContent = `Sent ${percent} %`;
  } else {
    bar.removeAttribute("value");
    words.textContent = then;
  }
}

// Sends a body and returns the answer. Rejects with words if there is none, without if another
// request took its place.
function send(method, address, body, then, onSent = () => {}) {
  const request = new XMLHttpRequest();
  const before = sending;
  sending = request;
  before?.abort();
  let isSent = false;
  request.open(method, address);
  request.setRequestHeader("Content-Type", kind());
  request.setRequestHeader(section.dataset.tokenHeader, section.dataset.token);
  request.setRequestHeader("HX-Request", "true");
  problem.replaceChildren();
  progress.hidden = stop.hidden = false;
  showSent(0, then);
  return new Promise((resolve, reject) => {
    request.upload.addEventListener("progress", ({ loaded: sent, total }) => showSent(total ? sent / total : 1, then));
    request.upload.addEventListener("load", () => {
      isSent = true;
      showSent(1, then);
      onSent();
    });
    request.addEventListener("load", () => {
      const to = request.getResponseHeader("HX-Redirect");
      if (to) {
        location.assign(to);
      }
      resolve(request);
    });
    request.addEventListener("error", () => {
      const unsure = isSent && method === "PUT";
      reject(new Error(unsure ? LOST : "The file could not be sent, and nothing was kept. Try again; if it has changed since you chose it, choose it again."));
    });
    request.addEventListener("abort", () => reject(new Error(sending === request ? "Stopped; nothing was kept." : "")));
    request.addEventListener("loadend", () => {
      if (sending === request) {
        sending = null;
        progress.hidden = true;
      }
    });
    request.send(body);
  });
}

function isLeft(control) {
  if (["radio", "checkbox"].includes(control.type)) {
    return !control.checked;
  }
  return control.tagName === "SELECT" ? "asRead" in control.selectedOptions[0].dataset : !control.value.trim();
}

// What was chosen in the preview; what the file itself says is left to it.
function choices() {
  const query = new URLSearchParams();
  const form = document.getElementById("choices");
  const { time, clock } = form?.elements ?? {};
  for (const control of form?.querySelectorAll("[name]") ?? []) {
    const { name, value } = control;
    if (isLeft(control) || control === clock) {
      continue;
    }
    query.append(name, (control.dataset.before ?? "") + (name === "rate" ? value.trim().replace(",", ".") : value));
  }
  if (clock && !isLeft(clock)) {
    query.set("time", time?.value || time?.dataset?.read || "");
    if (clock.value) {
      query.append("time", clock.value);
    }
  }
  const ticked = form?.querySelector("[type=checkbox]:checked")?.name;
  for (const name of [...LISTS, ticked]) {
    const names = query.getAll(name);
    if (names.length === 1) {
      query.set(name, `"${names[0].replaceAll('"', '""')}"`);
    }
  }
  return query;
}

// What is left to do before the file can be loaded, in words.
function obstacle() {
  const { questions, bad, counting } = document.getElementById("choices").dataset;
  if (questions !== "0") {
    return questions === "1" ? "Answer the question above first." : "Answer the questions above first.";
  }
  if (counting === "0") {
    return "There is nothing to load in it.";
  }
  if (bad === "0" || load.elements.skipBadLines.checked) {
    return "";
  }
  return load.elements.replace?.checked
    ? "A file with lines that can’t be read can’t replace everything."
    : "Some lines can’t be read.";
}

function showObstacle() {
  const isReplacing = load.elements.replace?.checked ?? false;
  const hasBadLines = document.getElementById("choices").dataset.bad !== "0" || skip.dataset.offered === "true";
  skip.hidden = isReplacing || !hasBadLines;
  if (skip.hidden) {
    load.elements.skipBadLines.checked = false;
  }
  const { replace } = load.elements;
  loadButton.textContent = replace?.checked ? "Replace everything …" : document.getElementById("choices").dataset.load;
  why.textContent = obstacle();
  loadButton.disabled = why.textContent !== "";
}

// Shows a preview and goes on where one was: at the control of this name, or else at its top.
function showPreview(text, name) {
  const isOpen = preview.querySelector("#reading")?.open;
  // Our own server's, escaped there.
  preview.innerHTML = text;
  preview.querySelector("#reading").open = isOpen ?? false;
  load.hidden = false;
  showObstacle();
  const control = name && preview.querySelector(`[name="${CSS.escape(name)}"]`);
  control?.focus();
  if (!control || document.activeElement !== control) {
    preview.querySelector("#what").focus();
  }
}

// The alert, and what may be chosen to be taken after all, unless that can be chosen already.
function showRefusal(text) {
  problem.innerHTML = text;
  const form = problem.querySelector("#choices");
  if (form && preview.firstChild) {
    form.remove();
  }
  problem.scrollIntoView({ block: "nearest" });
}

async function look(name) {
  const query = choices();
  const isPart = file.size > Number(section.dataset.firstPart) && !isWorkbook();
  query.set("partial", isPart);
  const body = isPart ? file.slice(0, Number(section.dataset.firstPart)) : file;
  loadButton.disabled = true;
  try {
    const answer = await send("POST", `${section.dataset.preview}?${query}`, body, "Reading the file …");
    if (answer.status === 200) {
      showPreview(answer.responseText, name);
    } else {
      showRefusal(answer.responseText);
    }
  } catch (error) {
    if (error.message) {
      problem.replaceChildren(alertOf(error.message));
    }
  }
}

function choose(chosen) {
  file = chosen;
  drop.querySelector("[data-name]").textContent = `${file.name} · ${size(file.size)}`;
  drop.querySelector(".button").textContent = "Choose another";
  section.classList.add("has-file");
  load.reset();
  load.hidden = true;
  skip.dataset.offered = "false";
  for (const place of [problem, preview, loaded]) {
    place.replaceChildren();
  }
  look();
}

function size(bytes) {
  const [units, unit] = bytes < 1e6 ? [bytes / 1e3, "kB"] : [bytes / 1e6, "MB"];
  return `${units.toLocaleString("en", { maximumFractionDigits: units < 10 ? 1 : 0 })} ${unit}`;
}

// Says what would be removed. That takes all of the file, so it is sent for it.
async function confirmRemoval() {
  const removal = sure.querySelector("[data-removal]");
  const replaceButton = sure.querySelector("button");
  removal.textContent = "Counting who is not in the file …";
  replaceButton.disabled = true;
  sure.querySelector("form").reset();
  sure.returnValue = "";
  sure.showModal();
  try {
    const answer = await send("POST", `${section.dataset.removal}?${choices()}`, file, "Counting …");
    removal.innerHTML = answer.responseText;
    replaceButton.disabled = answer.status !== 200;
  } catch (error) {
    removal.textContent = error.message;
  }
}

async function put() {
  const query = choices();
  const { skipBadLines, replace } = load.elements;
  query.set("skipBadLines", skipBadLines.checked);
  query.set("replace", replace?.checked ?? false);
  load.hidden = true;
  preview.inert = true;
  // What was sent entirely is stored, whether we wait for it or not.
  const noReturn = () => { stop.hidden = true; };
  try {
    const address = `${section.dataset.load}?${query}`;
    const answering = send("PUT", address, file, "Sent. The lines are being put in place …", noReturn);
    stop.focus();
    const answer = await answering;
    if (answer.status === 200) {
      preview.replaceChildren();
      loaded.innerHTML = answer.responseText;
      htmx.process(loaded);
      loaded.querySelector("#done").focus();
      return;
    }
    problem.innerHTML = answer.responseText;
    skip.dataset.offered = "true";
  } catch (error) {
    problem.replaceChildren(alertOf(error.message));
  } finally {
    preview.inert = false;
  }
  load.hidden = false;
  showObstacle();
}

input.addEventListener("change", () => {
  if (input.files.length) {
    choose(input.files[0]);
    // The same file may be chosen again, after it was corrected.
    input.value = "";
  }
});

for (const type of ["dragenter", "dragover"]) {
  drop.addEventListener(type, (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
}
for (const type of ["dragleave", "drop"]) {
  drop.addEventListener(type, () => drop.classList.remove("over"));
}
drop.addEventListener("drop", (event) => {
  event.preventDefault();
  if (event.dataTransfer.files.length) {
    choose(event.dataTransfer.files[0]);
  }
});

preview.addEventListener("change", ({ target }) => {
  if (!target.closest("[data-several]")) {
    look(target.name);
  }
});
for (const place of [preview, problem]) {
  place.addEventListener("submit", (event) => {
    event.preventDefault();
    look(document.activeElement?.name);
  });
}
load.addEventListener("change", showObstacle);
load.addEventListener("submit", (event) => {
  event.preventDefault();
  if (load.elements.replace?.checked) {
    confirmRemoval();
  } else {
    put();
  }
});
sure.addEventListener("close", () => {
  if (sure.returnValue === "replace") {
    put();
  } else {
    sending?.abort();
  }
});
stop.addEventListener("click", () => sending?.abort());

input.disabled = false;
