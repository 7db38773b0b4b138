// Draws a block of the report as a chart. All figures come from the block's table.
(() => {
    "use strict";

    const { cell, tick, label, shortened, colours } = window.Report;
    const NARROW = 20; // characters of a name per line of a narrow chart
    const UNIT_NAMES = { money: "Amount", count: "Count", percent: "Percent" };

    function columnOf(block, name) {
        const index = block.table.columns.findIndex((column) => column.name === name);
        if (index < 0) return null;
        const values = block.table.rows.map((row) => row[index]);
        return { ...block.table.columns[index], values, numbers: values.map((value) => (value === null ? null : Number(value))) };
    }

    function axisTitle(unit, currency, name) {
        const title = name || UNIT_NAMES[unit] || "";
        return unit === "money" && currency ? `${title} (${currency})` : unit === "percent" ? `${title} (%)` : title;
    }

    function axis(look, unit, currency, more = {}) {
        return {
            beginAtZero: true,
            grid: { color: look.grid },
            border: { color: look.grid },
            ticks: { color: look.text, callback: (value) => tick(value, unit, currency), maxTicksLimit: 8 },
            title: { display: true, text: axisTitle(unit, currency, more.name), color: look.text },
            ...more.options,
        };
    }

    // At most two lines, broken between words.
    function inLines(text) {
        if (text.length <= NARROW) return text;
        const space = text.lastIndexOf(" ", NARROW);
        const end = space > 0 ? space : NARROW;
        return [text.slice(0, end), shortened(text.slice(end).trim(), NARROW)];
    }

    function labels(look, isNarrow) {
        return {
            grid: { display: false },
            border: { color: look.grid },
            ticks: {
                color: look.text,
                autoSkip: false,
                // Campaign names of one ad account often start alike, so narrow charts show two lines of them.
                callback(value) { return isNarrow ? inLines(this.getLabelForValue(value)) : shortened(this.getLabelForValue(value), 34); },
            },
        };
    }

    function options(look, more) {
        return {
            responsive: true,
            maintainAspectRatio: false,
            animation: false,
            ...more,
            plugins: {
                legend: { position: "bottom", labels: { color: look.text, boxWidth: 12, boxHeight: 12, ...more.key }, ...more.legend },
                tooltip: more.tooltip || {},
            },
        };
    }

    // Units of the metrics shown, in the order they were switched on; the first gets the left axis.
    function unitsOf(columns) {
        return [...new Set(columns.map((column) => column.unit))].slice(0, 2);
    }

    function line(block, look, { shown }) {
        const days = columnOf(block, block.chart.labels);
        const columns = shown.map((name) => columnOf(block, name)).filter(Boolean);
        const units = unitsOf(columns);
        const few = days.values.length <= 31;
        // A day between two gaps has no line through it, so it is a dot.
        const isAlone = ({ dataset, dataIndex }) => [dataIndex - 1, dataIndex + 1].every((one) => (dataset.data[one] ?? null) === null);
        const dataset = (column, colour, isBefore) => ({
            label: column.label,
            data: column.numbers,
            unit: column.unit,
            yAxisID: column.unit === units[0] ? "y" : "y1",
            borderColor: colour,
            backgroundColor: colour,
            borderWidth: isBefore ? 1.5 : 2,
            borderDash: isBefore ? [5, 4] : [],
            pointBackgroundColor: isBefore ? look.paper : colour,
            pointRadius: (context) => ((few && !isBefore) || isAlone(context) ? 3 : 0),
            // Days that were never fetched are gaps, not a line between their neighbours.
            spanGaps: false,
            pointHitRadius: 12,
            tension: 0.2,
        });
        const datasets = columns.flatMap((column) => {
            const colour = look.series[block.chart.series.indexOf(column.name) % look.series.length];
            const before = columnOf(block, `${column.name}_before`);
            return [dataset(column, colour, false), ...(before ? [dataset(before, colour, true)] : [])];
        });
        const named = (unit) => columns.filter((column) => column.unit === unit).map((column) => column.label).join(", ");
        const scales = { x: { offset: days.values.length === 1, grid: { display: false }, border: { color: look.grid }, ticks: { color: look.text, maxRotation: 0, autoSkipPadding: 16 } } };
        units.forEach((unit, index) => {
            const side = index ? { position: "right", grid: { drawOnChartArea: false } } : { position: "left" };
            scales[index ? "y1" : "y"] = axis(look, unit, block.currency, { name: named(unit), options: side });
        });
        const tooltip = {
            callbacks: {
                title: (items) => (items.length ? cell(days.values[items[0].dataIndex], days.unit) : ""),
                label: (item) => `${item.dataset.label}: ${cell(item.raw, item.dataset.unit, block.currency)}`,
            },
        };
        return {
            type: "line",
            data: { labels: days.values.map((value) => label(value, days.unit)), datasets },
            options: options(look, { scales, tooltip, key: { boxWidth: 28, boxHeight: 0 }, interaction: { mode: "index", intersect: false } }),
        };
    }

    function bars(block, look, { isNarrow }) {
        const names = columnOf(block, block.chart.labels);
        const column = columnOf(block, block.chart.series[0]);
        const before = columnOf(block, `${column.name}_before`);
        const dataset = (one, colour) => ({ label: one.label, data: one.numbers, backgroundColor: colour, maxBarThickness: 22, borderRadius: 3 });
        return {
            type: "bar",
            data: {
                labels: names.values,
                datasets: [dataset(column, look.series[0]), ...(before ? [dataset(before, look.rest)] : [])],
            },
            options: options(look, {
                indexAxis: "y",
                legend: { display: Boolean(before) },
                scales: { x: axis(look, column.unit, block.currency, { name: column.label }), y: labels(look, isNarrow) },
                tooltip: { callbacks: { label: (item) => `${item.dataset.label}: ${cell(item.raw, column.unit, block.currency)}` } },
            }),
        };
    }

    function stackedBars(block, look, { isNarrow }) {
        const names = columnOf(block, block.chart.labels);
        const paint = { within: look.series[0], beyond: look.bad, left: look.rest };
        // Campaigns without a comparable budget have no bar; they are in the table.
        const kept = names.values.map((_, index) => index).filter((index) => columnOf(block, "budget").values[index] !== null);
        const datasets = block.chart.series.map((name) => {
            const column = columnOf(block, name);
            return { label: column.label, data: kept.map((index) => column.numbers[index]), backgroundColor: paint[name], maxBarThickness: 22 };
        });
        const used = columnOf(block, "used");
        return {
            type: "bar",
            data: { labels: kept.map((index) => names.values[index]), datasets },
            options: options(look, {
                indexAxis: "y",
                scales: {
                    x: axis(look, "money", block.currency, { name: "Spend and budget", options: { stacked: true } }),
                    y: { ...labels(look, isNarrow), stacked: true },
                },
                tooltip: {
                    callbacks: {
                        label: (item) => `${item.dataset.label}: ${cell(item.raw, "money", block.currency)}`,
                        footer: (items) => (items.length ? `Used: ${cell(used.values[kept[items[0].dataIndex]], "percent")}` : ""),
                    },
                },
            }),
        };
    }

    function doughnut(block, look, { isNarrow }) {
        const names = columnOf(block, block.chart.labels);
        const column = columnOf(block, block.chart.series[0]);
        const share = columnOf(block, "share");
        const colour = names.values.map((_, index) => (index < 7 ? look.series[index] : look.rest));
        return {
            type: "doughnut",
            data: {
                labels: names.values.map((name, index) => shortened(name, 34) + (share.values[index] === null ? "" : ` (${cell(share.values[index], "percent")})`)),
                datasets: [{ label: column.label, data: column.numbers, backgroundColor: colour, borderColor: look.paper, borderWidth: 2 }],
            },
            options: options(look, {
                cutout: "58%",
                legend: { position: isNarrow ? "bottom" : "right" },
                tooltip: { callbacks: { label: (item) => cell(item.raw, column.unit, block.currency) } },
            }),
        };
    }

    function isPowerOfTen(value) {
        return value >= 1 && Math.abs(Math.log10(value) - Math.round(Math.log10(value))) < 1e-9;
    }

    // Impressions outnumber leads by thousands: only a logarithmic axis shows both.
    function funnel(block, look) {
        const steps = columnOf(block, block.chart.labels);
        const counts = columnOf(block, "count");
        const previous = columnOf(block, "previous");
        const ofPrevious = columnOf(block, "of_previous");
        const stepLabels = steps.values.map((step, index) => {
            const share = ofPrevious.values[index] === null ? "" : ` (${cell(ofPrevious.values[index], "percent")} of ${previous.values[index].toLowerCase()})`;
            return [step, `${cell(counts.values[index], "count")}${share}`];
        });
        return {
            type: "bar",
            data: {
                labels: stepLabels,
                datasets: [{ label: counts.label, data: counts.numbers.map((count) => count || null), backgroundColor: look.series.slice(0, 5), maxBarThickness: 44, borderRadius: 3 }],
            },
            options: options(look, {
                indexAxis: "y",
                legend: { display: false },
                scales: {
                    x: {
                        ...axis(look, "count", null, { name: "Count (logarithmic)" }),
                        type: "logarithmic",
                        beginAtZero: false,
                        min: 0.5,
                        grid: { color: (context) => (isPowerOfTen(context.tick.value) ? look.grid : "transparent") },
                        ticks: { color: look.text, maxRotation: 0, autoSkip: false, callback: (value) => (isPowerOfTen(value) ? tick(value, "count") : "") },
                    },
                    y: { grid: { display: false }, border: { color: look.grid }, ticks: { color: look.text, autoSkip: false } },
                },
                tooltip: { callbacks: { title: (items) => steps.values[items[0].dataIndex], label: (item) => cell(item.raw, "count") } },
            }),
        };
    }

    // Each axis has its own scale, because there are many likes and few comments.
    function radar(block, look) {
        const names = columnOf(block, block.chart.labels);
        const columns = block.chart.series.map((name) => columnOf(block, name));
        const maxima = columns.map((column) => Math.max(...column.numbers));
        const datasets = names.values.map((name, row) => ({
            label: shortened(name, 34),
            data: columns.map((column, index) => (column.numbers[row] === null ? null : maxima[index] ? (column.numbers[row] / maxima[index]) * 100 : 0)),
            borderColor: look.series[row],
            backgroundColor: `${look.series[row]}22`,
            pointBackgroundColor: look.series[row],
            borderWidth: 2,
        }));
        return {
            type: "radar",
            data: { labels: columns.map((column) => column.label), datasets },
            options: options(look, {
                scales: {
                    r: {
                        min: 0,
                        max: 100,
                        ticks: { display: false, stepSize: 25 },
                        grid: { color: look.grid },
                        angleLines: { color: look.grid },
                        pointLabels: { color: look.text },
                    },
                },
                tooltip: {
                    callbacks: { label: (item) => `${item.dataset.label}: ${cell(columns[item.dataIndex].values[item.datasetIndex], columns[item.dataIndex].unit)}` },
                },
            }),
        };
    }

    const KINDS = { line, bars, "stacked bars": stackedBars, doughnut, funnel, radar };

    // In CSS pixels; bar charts grow with the number of bars.
    function heightOf(block, isNarrow) {
        const rows = block.table.rows.length;
        if (block.chart.kind === "bars") return rows * (columnOf(block, `${block.chart.series[0]}_before`) ? 36 : 28) + 90;
        if (block.chart.kind === "stacked bars") return rows * 30 + 110;
        if (block.chart.kind === "doughnut") return isNarrow ? 440 : 320;
        return isNarrow ? 300 : 360;
    }

    function draw(canvas, block, state) {
        const frame = canvas.parentElement;
        const isNarrow = frame.clientWidth < 560;
        frame.style.height = `${heightOf(block, isNarrow)}px`;
        return new window.Chart(canvas, KINDS[block.chart.kind](block, colours(), { ...state, isNarrow }));
    }

    // With the page's background, so that it can be pasted anywhere.
    function picture(chart) {
        const copy = document.createElement("canvas");
        copy.width = chart.canvas.width;
        copy.height = chart.canvas.height;
        const pen = copy.getContext("2d");
        pen.fillStyle = colours().paper;
        pen.fillRect(0, 0, copy.width, copy.height);
        pen.drawImage(chart.canvas, 0, 0);
        return copy;
    }

    Object.assign(window.Report, { draw, picture });
})();
