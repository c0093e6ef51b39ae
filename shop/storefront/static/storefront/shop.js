// Everything works without this file; it only saves the shopper a look or a second order.
"use strict";

// The price and the stock beside the button follow the option that is chosen.
for (const form of document.querySelectorAll(".buy-form")) {
  form.addEventListener("change", ({ target }) => {
    if (target.name !== "sku") return;
    const page = form.closest(".buy");
    const { price, before, stock } = target.dataset;
    page.querySelector("[data-price]").textContent = price;
    page.querySelector("[data-stock-state]").textContent = stock;
    const crossedOut = page.querySelector("[data-before]");
    crossedOut.hidden = !before;
    crossedOut.querySelector("s").textContent = before;
  });
}

// An order is sent once, however often the button is pressed.
for (const form of document.querySelectorAll("form[data-once]")) {
  const button = form.querySelector("[type=submit]");
  form.addEventListener("submit", () => { button.disabled = true; });
  // A page that the browser kept comes back with its button as it was.
  window.addEventListener("pageshow", () => { button.disabled = false; });
}
