// A button beside each password field shows what is typed; sending the form hides it again.
(() => {
    "use strict";

    function addButton(field) {
        const button = document.createElement("button");
        const show = (isShown) => {
            field.type = isShown ? "text" : "password";
            button.textContent = isShown ? "Hide what is typed" : "Show what is typed";
        };
        button.type = "button";
        button.className = "link text-xs mt-1";
        button.addEventListener("click", () => show(field.type === "password"));
        show(false);
        field.form?.addEventListener("submit", () => show(false));
        field.after(button);
    }

    document.addEventListener("DOMContentLoaded", () => {
        document.querySelectorAll("input[type=password]").forEach(addButton);
    });
})();
