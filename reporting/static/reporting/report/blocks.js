// Renders a block of the report as elements: tiles, table, and the frame of a chart. Text is always set as text, never as HTML.
(() => {
    "use strict";

    const { cell, change, withDays } = window.Report;

    function element(name, properties = {}, ...children) {
        const { dataset, attributes, ...rest } = properties;
        const made = Object.assign(document.createElement(name), rest);
        Object.assign(made.dataset, dataset || {});
        Object.entries(attributes || {}).forEach(([key, value]) => made.setAttribute(key, value));
        made.append(...children.filter((child) => child !== null && child !== undefined));
        return made;
    }

    function unitOf(block, column, row) {
        return column.unit === "by row" ? block.table.row_units[row] : column.unit;
    }

    // Why a cell is empty, if the server says so. The change is worked out from both periods.
    function whyEmpty(block, column, row) {
        const reasons = column.is_before || column.name === "change" ? block.table.why_empty_before : block.table.why_empty;
        return reasons[row] || "";
    }

    // A dash, and why: for whoever points at it, and for whoever has the page read out.
    function dash(reason) {
        return element("span", { title: reason, textContent: "–" }, element("span", { className: "unseen", textContent: `, ${reason.toLowerCase()}` }));
    }

    function isNumber(unit) {
        return unit !== "text" && unit !== "day";
    }

    function table(block) {
        const { columns, rows } = block.table;
        const head = columns.map((column) => element("th", {
            textContent: withDays(column.label),
            className: `${isNumber(column.unit) ? "number" : ""}${column.is_before ? " is-before" : ""}`,
            attributes: { scope: "col" },
        }));
        const body = rows.map((row, number) => element("tr", {}, ...row.map((value, index) => {
            const column = columns[index];
            const unit = unitOf(block, column, number);
            const className = `${isNumber(unit) ? "number" : ""}${column.is_before ? " is-before" : ""}`;
            const reason = value === null ? whyEmpty(block, column, number) : "";
            const content = reason ? dash(reason) : cell(value, unit, block.currency);
            return index
                ? element("td", { className }, content)
                : element("th", { className, attributes: { scope: "row" } }, content);
        })));
        const whole = element("table", { className: "data-table" },
            element("caption", { className: "unseen", textContent: block.title }),
            element("thead", {}, element("tr", {}, ...head)),
            element("tbody", {}, ...body));
        // Focusable, so that wide tables can be scrolled by keyboard.
        const wrap = element("div", { className: "table-wrap", tabIndex: 0, attributes: { role: "region", "aria-label": `${block.title}: table` } }, whole);
        return element("details", { className: "figures" }, element("summary", { className: "subtle", textContent: "Table" }), wrap);
    }

    function toneOf(better, percent) {
        if (better === "neither" || !Number(percent)) return "subtle";
        return (Number(percent) > 0) === (better === "more") ? "good" : "bad";
    }

    function tiles(block) {
        const at = Object.fromEntries(block.table.columns.map((column, index) => [column.name, index]));
        const made = block.table.rows.map((row, number) => {
            const [name, unit] = [row[at.metric], block.table.row_units[number]];
            const tile = element("div", { className: "tile" },
                element("dt", { className: "subtle", textContent: name }),
                element("dd", { className: "figure" }, row[at.now] === null && block.table.why_empty[number] ? dash(block.table.why_empty[number]) : cell(row[at.now], unit, block.currency)));
            const percent = row[at.change];
            // Where days are missing, the head of the report says so once.
            if (at.before === undefined || (percent === null && block.table.why_empty_before[number])) return tile;
            const comparison = percent === null
                ? element("span", { textContent: "No comparison" })
                : element("span", { className: toneOf(block.table.row_better[number], percent), textContent: change(percent) });
            tile.append(element("dd", { className: "subtle" }, comparison, percent === null ? null : ` from ${cell(row[at.before], unit, block.currency)}`));
            return tile;
        });
        return element("dl", { className: "tiles report-tiles" }, ...made);
    }

    function canvasOf(block) {
        const canvas = element("canvas", { attributes: { role: "img", "aria-label": `${block.title}: chart of the figures in the table below it` } });
        return { canvas, frame: element("div", { className: "canvas-frame" }, canvas) };
    }

    Object.assign(window.Report, { element, table, tiles, canvasOf });
})();
