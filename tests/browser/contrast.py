"""How well the text of a page stands out, as it is drawn (WCAG 2.2, 1.4.3 "Contrast (Minimum)")."""

from playwright.sync_api import Page

ENOUGH = 4.5

# Every piece of visible text below `selector`: its colour laid over all backgrounds behind it, down to the page's.
_WEAK_TEXTS = """([selector, enough]) => {
    const pixel = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const drawn = (colours) => {
        pixel.clearRect(0, 0, 1, 1);
        for (const colour of colours) { pixel.fillStyle = colour; pixel.fillRect(0, 0, 1, 1); }
        return [...pixel.getImageData(0, 0, 1, 1).data].slice(0, 3);
    };
    const light = (rgb) => {
        const [r, g, b] = rgb.map((one) => one / 255)
            .map((one) => one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const ratio = (one, other) => {
        const [dark, bright] = [light(one), light(other)].sort((a, b) => a - b);
        return (bright + 0.05) / (dark + 0.05);
    };
    const behind = (element) => {
        const colours = [];
        for (let one = element; one; one = one.parentElement) colours.unshift(getComputedStyle(one).backgroundColor);
        return ["white", ...colours];
    };
    const weak = new Set();
    for (const root of document.querySelectorAll(selector)) {
        const texts = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
        while (texts.nextNode()) {
            const text = texts.currentNode.textContent.trim(), element = texts.currentNode.parentElement;
            if (!text || !element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
            if (element.closest(".material-symbols-outlined, option, script, style, .unseen")) continue;
            const backgrounds = behind(element);
            const found = ratio(drawn(backgrounds), drawn([...backgrounds, getComputedStyle(element).color]));
            if (found < enough) weak.add(`${text.slice(0, 40)}: ${found.toFixed(2)}`);
        }
    }
    return [...weak];
}"""


def weak_texts(page: Page, selector: str) -> list[str]:
    """Texts whose contrast is not enough, with the ratio."""
    found: list[str] = page.evaluate(_WEAK_TEXTS, [selector, ENOUGH])
    return found
