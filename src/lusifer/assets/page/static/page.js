// The page works without this script; with it results come without a new page, and keys move through them.
"use strict";
const form = document.getElementById("search");
const results = document.getElementById("results");
const asked = document.getElementById("q");
let under_way = null;
let at = -1;

async function show(address, remember) {
  if (under_way) under_way.abort();
  under_way = new AbortController();
  const mine = under_way;
  document.body.classList.add("busy");
  try {
    const answer = await fetch(address + (address.includes("?") ? "&" : "?") + "part=results", { signal: mine.signal });
    const text = await answer.text();
    if ((answer.headers.get("Content-Type") || "").startsWith("text/html")) {
      results.innerHTML = text;
    } else {
      said(messageOf(text));
    }
    at = -1;
    if (remember) history.pushState(null, "", address);
    document.title = ((asked && asked.value) || "Search") + " · Lusifer";
  } catch (error) {
    if (error.name === "AbortError") return;
    said("The server does not answer.");
  }
  if (mine === under_way) document.body.classList.remove("busy");
}

function messageOf(text) {
  try {
    return JSON.parse(text).error.message;
  } catch {
    return "The server answers with something else than it should.";
  }
}

function said(message) {
  const line = document.createElement("p");
  line.className = "error";
  line.setAttribute("role", "alert");
  line.textContent = message;
  results.replaceChildren(line);
}

function go(step) {
  const hits = [...results.querySelectorAll(".hit")];
  if (!hits.length) return;
  if (hits[at]) hits[at].classList.remove("at");
  at = Math.max(0, Math.min(hits.length - 1, at + step));
  hits[at].classList.add("at");
  hits[at].querySelector("a.similar").focus({ preventScroll: true });
  hits[at].scrollIntoView({ block: "nearest" });
}

if (form) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const fields = [...new FormData(form)].filter(([, value]) => value);
    show("/?" + new URLSearchParams(fields), true);
  });
  form.querySelectorAll("select, input[type=date], input[type=checkbox]").forEach((field) =>
    field.addEventListener("change", () => { if (asked.value.trim()) form.requestSubmit(); }));
  results.addEventListener("click", (event) => {
    const link = event.target.closest("a.similar, a.next");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    show(link.getAttribute("href"), true);
    window.scrollTo({ top: 0 });
  });
  window.addEventListener("popstate", () => location.reload());
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = event.target.closest && event.target.closest("input, select, textarea");
  if (event.key === "Escape" && typing) event.target.blur();
  if (typing) return;
  if (event.key === "/" && asked) { event.preventDefault(); asked.focus(); asked.select(); }
  if (event.key === "j") go(1);
  if (event.key === "k") go(-1);
  if (event.key === "s" && at >= 0) results.querySelectorAll(".hit")[at].querySelector("a.similar").click();
});

const upload = document.querySelector(".upload form");
if (upload) {
  upload.addEventListener("submit", async (event) => {
    event.preventDefault();
    state.textContent = "Sending…";
    try {
      const answer = await fetch("/upload", { method: "POST", body: new FormData(upload) });
      if (answer.ok) {
        upload.reset();
        await follow();
      } else state.textContent = messageOf(await answer.text());
    } catch {
      state.textContent = "The server does not answer, or takes no files as large as these.";
    }
  });
}
const state = document.getElementById("upload-state");
async function follow() {
  const answer = await fetch("/upload/state");
  const told = await answer.json();
  state.textContent = told.said;
  if (told.busy) setTimeout(follow, 1000);
}
if (state && state.textContent.trim()) follow().catch(() => {});
const here = document.getElementById("here");
if (here) here.scrollIntoView({ block: "center" });
