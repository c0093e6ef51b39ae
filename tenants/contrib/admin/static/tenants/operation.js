// Updates the page of a running operation, or the status of services, every second. Without scripts the page reloads.
"use strict";

const panel = document.querySelector("[data-follow]");
const announcer = document.querySelector("[data-follow-status]");

async function follow() {
  try {
    const response = await fetch(panel.dataset.follow, { headers: { Accept: "application/json" } });
    if (response.redirected || response.status === 403) {
      location.reload(); // signed out, or no permission any more: the page itself shows which
      return;
    }
    if (response.ok) {
      const progress = await response.json();
      show(progress);
      if (progress.is_finished) return;
    }
  } catch {
    // The server is unreachable for a moment, for example during an update.
  }
  setTimeout(follow, 1000);
}

function show(progress) {
  if (panel.shown !== progress.html) panel.innerHTML = panel.shown = progress.html;
  if (announcer.textContent !== progress.state_text) announcer.textContent = progress.state_text;
}

if (panel) setTimeout(follow, 1000);
