// Shows instants in the viewer's time zone and numbers in the viewer's format. The server renders UTC and plain
// digits, which remain visible without scripts.
(() => {
    "use strict";

    const instant = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
    const day = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeZone: "UTC" });

    function showInstant(element) {
        const when = new Date(element.dateTime);
        if (Number.isNaN(when.getTime())) return;
        element.title = `${element.dateTime.slice(0, 19).replace("T", " ")} UTC`;
        element.textContent = instant.format(when);
    }

    // "3 hours ago" stays as it is; its tooltip shows the instant in both zones.
    function showAge(element) {
        const when = new Date(element.dateTime);
        if (Number.isNaN(when.getTime())) return;
        element.title = `${instant.format(when)} (${element.dateTime.slice(0, 19).replace("T", " ")} UTC)`;
    }

    function showDay(element) {
        const when = new Date(`${element.dateTime}T00:00:00Z`);
        if (!Number.isNaN(when.getTime())) element.textContent = day.format(when);
    }

    function showNumber(element) {
        const { currency, decimals, unit } = element.dataset;
        const places = decimals === undefined ? {} : { minimumFractionDigits: +decimals, maximumFractionDigits: +decimals };
        const style = currency ? { style: "currency", currency } : unit ? { style: "percent" } : {};
        const sign = unit === "change" ? { signDisplay: "exceptZero" } : {};
        const format = new Intl.NumberFormat(undefined, { ...style, ...places, ...sign });
        element.textContent = format.format(unit ? Number(element.value) / 100 : Number(element.value));
    }

    // Select2 draws its own elements beside the labelled select; they need the label too.
    function nameSearches() {
        document.querySelectorAll("select.select2-hidden-accessible").forEach((select) => {
            const label = select.labels[0]?.textContent.trim();
            if (!label) return;
            select.parentElement.querySelectorAll(".select2-selection, .select2-search__field").forEach((drawn) => {
                // Select2 labels it with the selected option, which is empty at first.
                drawn.removeAttribute("aria-labelledby");
                drawn.setAttribute("aria-label", label);
            });
        });
    }

    function show(root) {
        root.querySelectorAll("time.instant").forEach(showInstant);
        root.querySelectorAll("time.age").forEach(showAge);
        root.querySelectorAll("time.day").forEach(showDay);
        root.querySelectorAll("data.number-of").forEach(showNumber);
    }

    // The "select all" checkbox of a list.
    function tickAll(event) {
        const list = event.target.closest("[data-all]");
        if (!list || !event.target.matches("[data-tick-all]")) return;
        list.querySelectorAll("input[type=checkbox]").forEach((box) => { box.checked = event.target.checked; });
    }

    // Filter forms submit themselves when a field changes.
    function submitOnChange(event) {
        const form = event.target.closest("form[data-submits-itself]");
        if (form) form.requestSubmit();
    }

    // Excel splits CSV at semicolons where decimals have a comma, and at commas elsewhere.
    function chooseExcelDialect() {
        const dialect = (1.5).toLocaleString().includes(",") ? "excel" : "excel-comma";
        document.documentElement.dataset.excelDialect = dialect;
        document.querySelectorAll("a[data-for-excel]").forEach((link) => {
            link.href = link.getAttribute("href").replace(/excel-comma/, dialect);
        });
    }

    document.addEventListener("DOMContentLoaded", chooseExcelDialect);
    document.addEventListener("change", (event) => { tickAll(event); submitOnChange(event); });
    document.addEventListener("DOMContentLoaded", () => show(document));
    // Select2 draws them later, and redraws them.
    document.addEventListener("DOMContentLoaded", () => {
        if (!document.querySelector("select.admin-autocomplete")) return;
        new MutationObserver(nameSearches).observe(document.body, { childList: true, subtree: true });
    });
    document.addEventListener("htmx:afterSettle", (event) => show(event.target));
    // Dispatched by scripts that replace a part of their page.
    document.addEventListener("page:changed", (event) => show(event.target));
})();
