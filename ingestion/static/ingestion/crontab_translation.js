/* Shows in words what the selected crontab of a periodic task means. */
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const choice = document.getElementById("id_crontab");
  const wrapper = choice && choice.closest(".related-widget-wrapper");
  if (!wrapper) {
    return;
  }
  const meanings = JSON.parse(document.getElementById("readable-crontabs").textContent);
  const words = document.createElement("div");
  // The id that Django's widget already points its aria-describedby at.
  words.id = choice.getAttribute("aria-describedby") || "crontab-in-words";
  words.className = "font-semibold leading-relaxed mt-2 text-xs";
  words.setAttribute("aria-live", "polite");
  wrapper.after(words);
  const showMeaning = () => {
    words.textContent = meanings[choice.value] || "";
  };
  choice.addEventListener("change", showMeaning);
  showMeaning();
});
