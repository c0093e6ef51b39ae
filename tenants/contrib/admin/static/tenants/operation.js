// Keeps an operation's page up to date while it is under way. Without this, reloading the page does the same.
"use strict";

const panel = document.querySelector("[data-follow]");
const spoken = document.querySelector("[data-follow-status]");

async function follow() {
  try {
    const answer = await fetch(panel.dataset.follow, { headers: { Accept: "application/json" } });
    if (answer.redirected || answer.status === 403) {
      location.reload(); // signed out, or no right to this any more: the page itself says which
      return;
    }
    if (answer.ok) {
      const now = await answer.json();
      show(now);
      if (now.is_finished) return;
    }
  } catch {
    // The server is away for a moment, while it is updated for example.
  }
  setTimeout(follow, 1000);
}

function show(now) {
  if (panel.shown !== now.html) panel.innerHTML = panel.shown = now.html;
  if (spoken.textContent !== now.state_text) spoken.textContent = now.state_text;
}

if (panel) setTimeout(follow, 1000);
