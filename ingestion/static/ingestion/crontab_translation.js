/* A periodic task's page says in words what the chosen crontab means, as soon as it is chosen. */
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const choice = document.getElementById("id_crontab");
  const wrapper = choice && choice.closest(".related-widget-wrapper");
  if (!wrapper) {
    return;
  }
  const meanings = JSON.parse(document.getElementById("readable-crontabs").textContent);
  const words = document.createElement("div");
  // The name that Django's widget already gives to what describes it.
  words.id = choice.getAttribute("aria-describedby") || "crontab-in-words";
  words.className = "font-semibold leading-relaxed mt-2 text-xs";
  words.setAttribute("aria-live", "polite");
  wrapper.after(words);
  const say = () => {
    words.textContent = meanings[choice.value] || "";
  };
  choice.addEventListener("change", say);
  say();
});
