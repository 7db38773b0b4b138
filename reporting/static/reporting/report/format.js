// Formats and colours figures: the viewer's number format, the theme's colours.
window.Report = {};

(() => {
    "use strict";

    const formats = new Map();

    function format(options) {
        const key = JSON.stringify(options);
        if (!formats.has(key)) formats.set(key, new Intl.NumberFormat(undefined, options));
        return formats.get(key);
    }

    function money(currency, options) {
        const places = options || { minimumFractionDigits: 2, maximumFractionDigits: 2 };
        return format(currency ? { style: "currency", currency, ...places } : places);
    }

    const day = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeZone: "UTC" });
    const shortDay = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", timeZone: "UTC" });

    // A share that is tiny is not zero.
    function percent(value) {
        const isTiny = value !== 0 && Math.abs(value) < 0.005;
        return format({ style: "percent", ...(isTiny ? { maximumSignificantDigits: 1 } : { maximumFractionDigits: 2 }) }).format(value / 100);
    }

    // Exact, for tables.
    function cell(value, unit, currency) {
        if (value === null || value === undefined || value === "") return "–";
        if (unit === "money") return money(currency).format(Number(value));
        if (unit === "percent") return percent(Number(value));
        if (unit === "count") return format({}).format(Number(value));
        if (unit === "day") return day.format(new Date(`${value}T00:00:00Z`));
        return String(value);
    }

    // Compact, for axes.
    function tick(value, unit, currency) {
        const short = { notation: "compact", maximumFractionDigits: Math.abs(value) < 10 ? 2 : 1 };
        if (unit === "money") return money(currency, short).format(value);
        if (unit === "percent") return percent(value);
        return format(short).format(value);
    }

    function change(percent) {
        return format({ style: "percent", maximumFractionDigits: 1, signDisplay: "exceptZero" }).format(Number(percent) / 100);
    }

    function label(value, unit) {
        return unit === "day" ? shortDay.format(new Date(`${value}T00:00:00Z`)) : String(value);
    }

    function shortened(text, maxLength) {
        return text.length > maxLength ? `${text.slice(0, maxLength - 1)}…` : text;
    }

    // Days within a sentence of the server, as all others.
    function withDays(text) {
        return text.replace(/(?<![\w-])\d{4}-\d{2}-\d{2}(?![\w-])/g, (found) => {
            const when = new Date(`${found}T00:00:00Z`);
            return Number.isNaN(when.getTime()) ? found : day.format(when);
        });
    }

    // Read for every drawing, so that a change of theme only needs a redraw.
    function colours() {
        const style = getComputedStyle(document.querySelector(".report"));
        const of = (name) => style.getPropertyValue(name).trim();
        return {
            series: [1, 2, 3, 4, 5, 6, 7, 8].map((number) => of(`--series-${number}`)),
            text: of("--chart-text"),
            grid: of("--chart-grid"),
            paper: of("--chart-paper"),
            good: of("--chart-good"),
            bad: of("--chart-bad"),
            rest: of("--chart-rest"),
        };
    }

    Object.assign(window.Report, { cell, tick, change, label, shortened, withDays, colours });
})();
