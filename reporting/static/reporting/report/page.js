// The visual report: filters kept in the address, sections loaded one by one, downloads, print.
(() => {
    "use strict";

    const { element, table, tiles, canvasOf, draw, picture, withDays } = window.Report;
    const root = document.querySelector(".report");
    const form = document.getElementById("report-filters");
    const sections = [...root.querySelectorAll("[data-section]")];
    const drawn = new Map(); // section -> its charts with their blocks
    const isWide = window.matchMedia("(min-width: 40rem)");
    const latestRequest = new WeakMap();
    const MAX_PARALLEL = 3;
    // Sections whose blocks are stacked; others show them side by side if there is room.
    const WIDE = new Set(["key-figures", "trend", "creatives"]);
    // The server refuses addresses of more than 4,094 characters.
    const MAX_QUERY_LENGTH = 3600;
    const DEFAULTS = { period: "last_30_days", compare: "previous", by: "", trend: "spend,clicks", campaign_metric: "spend", creative_metric: "spend" };
    let currentQuery = location.search;
    let inFlight = new AbortController();
    let timer = 0;

    // --- The address ---

    function chosen(name) {
        const boxes = [...form.querySelectorAll(`input[type=checkbox][name="${name}"]`)];
        const ticked = boxes.filter((box) => box.checked);
        // Selecting all is the same as selecting none, so that future ad accounts are included.
        return ticked.length === boxes.length && !form.querySelector(`[data-cut="${name}"]`) ? [] : ticked.map((box) => box.value);
    }

    function query() {
        const found = new URLSearchParams();
        ["ad_account", "campaign"].forEach((name) => { if (chosen(name).length) found.set(name, chosen(name).join(",")); });
        ["period", "first_day", "last_day", "without_today", "currency", "compare", "by", "trend", "campaign_metric", "creative_metric"].forEach((name) => {
            const { value, type, checked } = form.elements[name];
            if (type === "checkbox" && !checked) return;
            if (value && value !== DEFAULTS[name]) found.set(name, value);
        });
        return found.toString().replaceAll("%2C", ",");
    }

    function address(path, text, more = "") {
        const all = [text, more].filter(Boolean).join("&");
        return all ? `${path}?${all}` : path;
    }

    // As pages.js chooses it for other links.
    function excelDialect() {
        return document.documentElement.dataset.excelDialect || "excel-comma";
    }

    function updateAddress(how) {
        history[how](null, "", address(location.pathname, query()));
        currentQuery = location.search;
        sections.forEach((section) => section.querySelectorAll("[data-csv]").forEach((link) => {
            const dialect = "forExcel" in link.dataset ? `&dialect=${excelDialect()}` : "";
            link.href = address(section.dataset.url, query(), `format=csv${dialect}`);
        }));
    }

    // --- Sections ---

    async function request(url, options) {
        const response = await fetch(url, { credentials: "same-origin", ...options });
        // Signed out in the meantime: the login page leads back to this address.
        if (response.redirected) { location.reload(); throw new DOMException("signed out", "AbortError"); }
        return response;
    }

    async function load(section, signal) {
        const body = section.querySelector(".section-body");
        // A response to an earlier request may arrive last; it is ignored.
        const token = Symbol(section.dataset.url);
        latestRequest.set(section, token);
        section.setAttribute("aria-busy", "true");
        try {
            const response = await request(address(section.dataset.url, query()), { signal, headers: { Accept: "application/json" } });
            const isJson = (response.headers.get("Content-Type") || "").includes("json");
            const found = isJson ? await response.json() : {};
            if (latestRequest.get(section) !== token) return;
            if (!response.ok) throw new Error(found.error || `The server returned an error (${response.status}).`);
            if (!isJson) throw new Error("The response did not come from this service.");
            show(section, found);
        } catch (error) {
            if (error.name === "AbortError" || latestRequest.get(section) !== token) return;
            showFailure(section, body, error instanceof TypeError ? "The server cannot be reached." : error.message);
        }
        section.setAttribute("aria-busy", "false");
    }

    function showFailure(section, body, sentence) {
        destroyCharts(section);
        const again = element("button", { type: "button", className: "link", textContent: "Try again" });
        again.addEventListener("click", () => load(section));
        body.replaceChildren(element("p", { className: "empty", attributes: { role: "alert" } },
            element("span", { className: "strong", textContent: "This section could not be loaded" }), `${sentence} `, again));
    }

    function destroyCharts(section) {
        (drawn.get(section) || []).forEach(({ chart }) => chart.destroy());
        drawn.set(section, []);
    }

    function show(section, found) {
        const body = section.querySelector(".section-body");
        const open = new Set([...body.querySelectorAll("details.figures[open]")].map((one) => one.dataset.key));
        destroyCharts(section);
        showChoice(section, found.choice);
        section.querySelectorAll("[data-csv]").forEach((link) => { link.hidden = !found.blocks.length; });
        if (!found.blocks.length) {
            const where = document.querySelector("#report-head [data-stored]");
            body.replaceChildren(element("p", { className: "empty" }, element("span", { className: "strong", textContent: found.empty }),
                where ? "Use the link at the top to see the dates that have data." : found.remedy));
            return;
        }
        const notes = found.notes.map((note) => element("p", { className: "subtle note", textContent: withDays(note) }));
        const made = found.blocks.map((block) => [block, blockOf(section, found, block, open)]);
        const list = element("div", { className: found.blocks.length > 1 && !WIDE.has(found.name) ? "columns" : "stack" }, ...made.map(([, one]) => one.element));
        body.replaceChildren(...(found.name === "trend" ? [toggles(found)] : []), list, ...notes);
        made.forEach(([block, one]) => { if (one.canvas) addChart(section, one.canvas, block); });
    }

    function state() {
        return { shown: form.elements.trend.value.split(",") };
    }

    function addChart(section, canvas, block) {
        drawn.get(section).push({ chart: draw(canvas, block, state()), block });
    }

    function isEmpty(block) {
        const series = block.table.columns.flatMap((column, index) => (block.chart.series.includes(column.name) ? [index] : []));
        return block.table.rows.every((row) => series.every((index) => row[index] === null));
    }

    function blockOf(section, found, block, open) {
        const figures = table(block);
        figures.dataset.key = block.key;
        // A creative's review status is only in the table.
        figures.open = open.has(block.key) || (found.name === "creatives" && isWide.matches);
        const title = element("h3", { className: "strong", textContent: found.blocks.length > 1 || block.currency ? block.title : "" });
        const head = element("div", { className: "row" }, title);
        const note = block.note ? element("p", { className: "subtle note", textContent: withDays(block.note) }) : null;
        if (block.chart.kind === "tiles") {
            return { element: element("div", { className: "report-block" }, head, tiles(block), note, figures) };
        }
        // Without a figure to draw, the table says why.
        if (isEmpty(block)) {
            figures.open = true;
            return { element: element("div", { className: "report-block" }, head, note, figures) };
        }
        const { canvas, frame } = canvasOf(block);
        const png = element("button", { type: "button", className: "link push no-print", textContent: "PNG", attributes: { "aria-label": `${block.title}: chart as a PNG picture` } });
        png.addEventListener("click", () => download(section, canvas, block));
        head.append(png);
        return { element: element("div", { className: "report-block" }, head, frame, note, figures), canvas };
    }

    function showChoice(section, choice) {
        const place = section.querySelector("[data-choice]");
        if (!choice || place.querySelector("select")) return;
        const options = choice.options.map(([value, text]) => element("option", { value, textContent: text, selected: value === choice.value }));
        const select = element("select", { attributes: { "aria-label": `${section.querySelector("h2").textContent}: figure` } }, ...options);
        select.addEventListener("change", () => {
            form.elements[choice.name].value = select.value;
            updateAddress("replaceState");
            load(section);
        });
        place.append(select);
    }

    // --- The trend's switches ---

    function toggles(found) {
        const [block] = found.blocks;
        const unit = Object.fromEntries(block.table.columns.map((column) => [column.name, column.unit]));
        const status = element("p", { className: "subtle", attributes: { role: "status" } });
        const buttons = block.chart.series.map((name) => {
            const { label } = block.table.columns.find((column) => column.name === name);
            const button = element("button", { type: "button", className: "toggle", textContent: label, dataset: { metric: name } });
            button.addEventListener("click", () => { status.textContent = toggle(name, unit, labelOf); press(); });
            return button;
        });
        const labelOf = (name) => buttons.find((button) => button.dataset.metric === name).textContent;
        function press() {
            const { shown } = state();
            buttons.forEach((button) => button.setAttribute("aria-pressed", String(shown.includes(button.dataset.metric))));
        }
        press();
        return element("div", { className: "no-print" },
            element("div", { className: "row toggles", attributes: { role: "group", "aria-label": "Metrics in the trend" } }, ...buttons), status);
    }

    // Two axes show two units: a third unit replaces the one that was switched on first.
    function toggle(name, unit, labelOf) {
        let { shown } = state();
        let message = "";
        if (shown.includes(name)) {
            if (shown.length === 1) return "At least one metric must stay selected.";
            shown = shown.filter((one) => one !== name);
        } else {
            const units = [...new Set(shown.map((one) => unit[one]))];
            if (units.length === 2 && !units.includes(unit[name])) {
                const gone = shown.filter((one) => unit[one] === units[0]);
                shown = shown.filter((one) => unit[one] !== units[0]);
                message = `The chart can show two units, so this was switched off: ${gone.map(labelOf).join(", ")}.`;
            }
            shown = [...shown, name];
        }
        form.elements.trend.value = shown.join(",");
        updateAddress("replaceState");
        redraw(sections.filter((section) => section.dataset.section === "trend"));
        return message;
    }

    function redraw(which = sections) {
        which.forEach((section) => drawn.set(section, (drawn.get(section) || []).map(({ chart, block }) => {
            const { canvas } = chart;
            chart.destroy();
            return { chart: draw(canvas, block, state()), block };
        })));
    }

    function download(section, canvas, block) {
        const { chart } = drawn.get(section).find((one) => one.chart.canvas === canvas);
        picture(chart).toBlob((blob) => {
            const link = element("a", { href: URL.createObjectURL(blob), download: `${[section.dataset.section, block.key].filter(Boolean).join("-")}.png` });
            link.click();
            setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
        });
    }

    // --- Filters ---

    async function head(signal) {
        const response = await request(address(location.pathname, query()), { signal, headers: { "HX-Request": "true" } });
        // The answer says what is wrong with the filters, or what is not there.
        if (!response.ok && ![400, 404].includes(response.status)) throw new Error(`The server returned an error (${response.status}).`);
        const found = new DOMParser().parseFromString(await response.text(), "text/html");
        const place = document.getElementById("report-head");
        place.replaceChildren(...found.getElementById("report-head").childNodes);
        const campaigns = document.getElementById("report-campaigns");
        if (!campaigns.contains(document.activeElement)) {
            const { open } = campaigns.querySelector("details");
            campaigns.replaceChildren(...found.getElementById("report-campaigns").childNodes);
            campaigns.querySelector("details").open = open;
        }
        place.dispatchEvent(new CustomEvent("page:changed", { bubbles: true }));
        return response.ok;
    }

    async function loadAll(signal) {
        const waiting = [...sections];
        const one = async () => {
            while (waiting.length && !signal.aborted) await load(waiting.shift(), signal);
        };
        await Promise.all(Array.from({ length: MAX_PARALLEL }, one));
    }

    async function refresh() {
        clearTimeout(timer);
        inFlight.abort();
        inFlight = new AbortController();
        const { signal } = inFlight;
        count();
        if (query().length > MAX_QUERY_LENGTH) {
            showError("Too many campaigns are selected for one link. Select fewer, or none to include all.");
            return;
        }
        if (address(location.pathname, query()) !== `${location.pathname}${location.search}`) updateAddress("pushState");
        sections.forEach((section) => section.setAttribute("aria-busy", "true"));
        try {
            const asked = query();
            const isGood = await head(signal);
            // Campaigns of an ad account that is no longer selected are gone from the list: ask again without them.
            if (!isGood && query() !== asked) { refresh(); return; }
            root.classList.toggle("is-stale", !isGood);
            if (isGood) await loadAll(signal);
            else sections.forEach((section) => section.setAttribute("aria-busy", "false"));
        } catch (error) {
            if (error.name === "AbortError") return;
            showError(`${error instanceof TypeError ? "The server cannot be reached." : error.message} Press “Show” to try again.`);
            sections.forEach((section) => section.setAttribute("aria-busy", "false"));
        }
    }

    function showError(sentence) {
        document.getElementById("report-head").prepend(element("p", { className: "errors", textContent: sentence, attributes: { role: "alert" } }));
    }

    function count() {
        form.querySelectorAll("[data-count]").forEach((place) => {
            const found = chosen(place.dataset.count).length;
            place.textContent = found ? `${found} selected` : "All";
        });
    }

    function changed(event) {
        const { name, type } = event.target;
        if (!name && !event.target.matches("[data-tick-all]")) return;
        const days = [form.elements.first_day, form.elements.last_day];
        if (name === "period") {
            if (event.target.value === "custom") { days[0].focus(); return; }
            days.forEach((one) => { one.value = ""; });
        }
        if (name === "first_day" || name === "last_day") {
            form.elements.period.value = "custom";
            if (days.some((one) => !one.value)) return;
        }
        clearTimeout(timer);
        // People tick several boxes and type dates: wait for the last change.
        timer = setTimeout(refresh, type === "checkbox" ? 600 : type === "date" ? 900 : 0);
    }

    function search(event) {
        if (!event.target.matches("[data-search]")) return;
        const wanted = event.target.value.trim().toLowerCase();
        event.target.closest("details").querySelectorAll(".choices label[data-name]").forEach((one) => {
            one.hidden = !one.dataset.name.toLowerCase().includes(wanted);
        });
    }

    // --- Print ---

    let undo = [];

    function beforePrint() {
        const html = document.documentElement;
        const closed = [...root.querySelectorAll("details.figures:not([open])")];
        const isDark = html.classList.contains("dark");
        closed.forEach((one) => { one.open = true; });
        watchTheme.disconnect();
        html.classList.remove("dark");
        redraw();
        undo = [() => closed.forEach((one) => { one.open = false; }), () => html.classList.toggle("dark", isDark)];
    }

    function afterPrint() {
        undo.forEach((one) => one());
        undo = [];
        redraw();
        startWatchingTheme();
    }

    const watchTheme = new MutationObserver(() => redraw());

    function startWatchingTheme() {
        watchTheme.observe(document.documentElement, { attributes: true, attributeFilter: ["class"] });
    }

    form.addEventListener("change", changed);
    form.addEventListener("input", search);
    form.addEventListener("submit", (event) => { event.preventDefault(); refresh(); });
    document.getElementById("report-print").addEventListener("click", () => window.print());
    // Jumping to a section changes the address too, but not its query.
    window.addEventListener("popstate", () => { if (location.search !== currentQuery) location.reload(); });
    window.addEventListener("beforeprint", beforePrint);
    window.addEventListener("afterprint", afterPrint);
    startWatchingTheme();
    count();
    if (!root.classList.contains("is-stale")) loadAll(inFlight.signal);
})();
