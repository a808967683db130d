// Makes the pages live. Without it everything works too: forms are forms, and pages are loaded again.
"use strict";

const banner = document.getElementById("banner");
const server = document.getElementById("server");
const DOWN = "The server is gone. The supervisor starts another one, and what was sent is sent again with the same key.";
let process = server && server.querySelector("b") && server.querySelector("b").textContent;

function say(text, bad) {
  if (banner.textContent !== text) banner.textContent = text;
  banner.classList.toggle("bad", Boolean(bad));
  banner.hidden = !text;
}

// -- parts that change ---------------------------------------------------------------------------------------
const sources = new WeakMap(); // what the server last said of an element: the countdown has changed it since

function update(part, html) {
  const told = document.createElement("template");
  told.innerHTML = html;
  merge(part, told.content);
  tick();
}

// Elements with an id are replaced only if they are new or have changed: focus, selection and scrolling stay.
function merge(old, fresh) {
  const [list, same] = [fresh, old].map((parent) => [...parent.children].find((child) => child.matches("ul")));
  if (list && same && fresh.children.length === old.children.length) {
    [...fresh.children].forEach((child, at) => (child === list ? keyed(same, list) : replace(old.children[at], child)));
  } else if ([...fresh.children].every((child) => child.id) && fresh.children.length) {
    keyed(old, fresh);
  } else {
    old.replaceChildren(...fresh.childNodes);
  }
}

function keyed(old, fresh) {
  const before = new Map([...old.children].map((child) => [child.id, child]));
  const after = [...fresh.children].map((child) => replace(before.get(child.id), child));
  [...old.children].filter((child) => !after.includes(child)).forEach((child) => child.remove());
  after.forEach((child, at) => old.children[at] === child || old.insertBefore(child, old.children[at] || null));
}

function replace(old, fresh) {
  const source = fresh.outerHTML;
  if (old && sources.get(old) === source) return old;
  sources.set(fresh, source);
  if (!old) return fresh;
  const focused = [...old.querySelectorAll("a, button")].indexOf(document.activeElement);
  old.replaceWith(fresh);
  if (focused >= 0) (fresh.querySelectorAll("a, button")[focused] || fresh).focus();
  return fresh;
}

function listen() {
  const events = new EventSource(document.body.dataset.live);
  events.onmessage = (event) => {
    for (const [id, html] of Object.entries(JSON.parse(event.data))) update(document.getElementById(id), html);
    const now = server.querySelector("b").textContent;
    if (server.classList.contains("away") || (process && now !== process)) {
      say(now === process ? "" : `Process ${now} answers now. Orders under way go on when process ${process} has been silent for five seconds.`);
      if (now !== process) setTimeout(() => say(""), 9000);
    }
    process = now;
    server.classList.remove("away");
    server.classList.add("live");
  };
  events.onerror = () => {
    server.classList.add("away");
    say(DOWN, true);
    if (events.readyState === EventSource.CLOSED) setTimeout(listen, 500);
  };
}

// -- countdowns ----------------------------------------------------------------------------------------------
function tick() {
  for (const each of document.querySelectorAll("[data-until]")) {
    const seconds = Math.max(0, Math.round(Number(each.dataset.until) - Date.now() / 1000));
    each.textContent = seconds ? `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}` : "the time is over";
  }
}

// -- forms ---------------------------------------------------------------------------------------------------
// A form is sent until a server answers: it has a key, so sending it again is the same order, the same payment.
async function send(form, button) {
  if (form.getAttribute("aria-busy") === "true") return;
  form.setAttribute("aria-busy", "true");
  const body = new URLSearchParams(new FormData(form, button));
  for (;;) {
    try {
      const answer = await fetch(form.action, { method: "POST", body });
      if (answer.redirected) return location.assign(answer.url);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html"); // an error, in words
      return document.querySelector("main").replaceWith(page.querySelector("main"));
    } catch {
      say(DOWN, true);
      await new Promise((go) => setTimeout(go, 500));
    }
  }
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.matches("[data-resend]")) {
    event.preventDefault();
    send(form, event.submitter);
  } else if (form.matches("[data-crash]")) {
    event.preventDefault();
    fetch(form.action, { method: "POST" }).catch(() => {});
  }
});

addEventListener("pageshow", (event) => event.persisted && location.reload()); // its keys were for one use
tick();
setInterval(tick, 250);
if (document.body.dataset.live) listen();
