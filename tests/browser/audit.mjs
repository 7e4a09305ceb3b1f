// What must be true of every page, whoever wrote it: it tells its language and its title, names its controls, can be
// read (WCAG 2.1 AA contrast), fits its window, and can be used with a keyboard alone.
import { holds } from './kit.mjs';

// In the page: what its elements say.
function look() {
    const problems = [];
    const name = (e) => `<${e.localName}${e.id ? ` id=${e.id}` : ''}> "${(e.textContent ?? '').trim().slice(0, 30)}"`;
    const isShown = (e) => e.checkVisibility() && e.getBoundingClientRect().width > 0;

    if (!document.documentElement.lang) problems.push('no lang');
    if (!document.title) problems.push('no title');
    if (document.querySelectorAll('h1').length !== 1) problems.push('not one h1');
    if (document.querySelectorAll('main').length !== 1) problems.push('not one main');
    let level = 0;
    for (const heading of document.querySelectorAll('h1, h2, h3, h4')) {
        const next = Number(heading.localName[1]);
        if (next > level + 1) problems.push(`${name(heading)} skips a level`);
        level = next;
    }
    const ids = [...document.querySelectorAll('[id]')].map((e) => e.id);
    for (const id of ids.filter((id, i) => ids.indexOf(id) !== i)) problems.push(`id ${id} twice`);
    for (const control of document.querySelectorAll('input:not([type=hidden]), textarea, select')) {
        if (![...control.labels ?? []].some((label) => label.textContent.trim())) problems.push(`${name(control)} has no label`);
    }
    for (const element of document.querySelectorAll('a, button')) {
        const text = element.textContent.trim() || element.getAttribute('aria-label') ||
            element.querySelector('img[alt]')?.alt;
        if (!text) problems.push(`${name(element)} has no name`);
    }
    for (const image of document.querySelectorAll('img')) {
        if (!image.hasAttribute('alt')) problems.push(`${name(image)} has no alt`);
        if (!image.complete || image.naturalWidth === 0) problems.push(`${image.src} did not load`);
    }
    for (const image of document.querySelectorAll('svg[role=img]')) {
        if (!image.getAttribute('aria-label')) problems.push(`${name(image)} has no name`);
    }

    // Contrast: of each element that holds text itself, against the first background behind it that is not clear.
    const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
    const rgba = (color) => { // whatever syntax the style came in
        canvas.clearRect(0, 0, 1, 1);
        canvas.fillStyle = color;
        canvas.fillRect(0, 0, 1, 1);
        const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
        return [r, g, b, a / 255];
    };
    const over = ([r, g, b, a], [R, G, B]) => [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a), 1];
    const background = (element) => {
        const layers = [];
        for (let e = element; e; e = e.parentElement) layers.push(rgba(getComputedStyle(e).backgroundColor));
        return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255, 1]);
    };
    const luminance = ([r, g, b]) => [r, g, b].map((v) => v / 255)
        .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
    let texts = 0;
    for (const element of document.querySelectorAll('body *')) {
        const holdsText = [...element.childNodes].some((n) => n.nodeType === Node.TEXT_NODE && n.data.trim());
        if ((!holdsText && !element.matches('input, textarea')) || element.matches('script, style, title') ||
            !isShown(element)) continue;
        texts++;
        const style = getComputedStyle(element);
        const behind = background(element);
        const ink = element.closest('svg') ? style.fill : style.color;
        const [light, dark] = [luminance(over(rgba(ink), behind)), luminance(behind)].sort((a, b) => b - a);
        const ratio = (light + 0.05) / (dark + 0.05);
        const size = parseFloat(style.fontSize);
        const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
        if (ratio < (isLarge ? 3 : 4.5)) problems.push(`contrast ${ratio.toFixed(2)} of ${name(element)}`);
    }
    if (texts < 3) problems.push(`only ${texts} texts were looked at`);
    if (document.documentElement.scrollWidth > innerWidth) {
        problems.push(`${document.documentElement.scrollWidth} pixels wide in a window of ${innerWidth}`);
    }
    return problems;
}

// In the page: gives each control a number, so that Tab can be followed.
function number() {
    const controls = [...document.querySelectorAll('a[href], button, input:not([type=hidden]), textarea, select, [tabindex="0"]')]
        .filter((e) => !e.disabled && e.checkVisibility());
    controls.forEach((e, i) => e.setAttribute('data-number', String(i)));
    return controls.map((e) => `<${e.localName}> ${(e.textContent ?? '').trim().slice(0, 30)}`);
}

// In the page: which control has the focus, and whether that can be seen.
function focused() {
    const element = document.activeElement;
    const style = getComputedStyle(element);
    const box = element.getBoundingClientRect();
    const isInside = box.right > 0 && box.left < innerWidth && box.bottom > 0 && box.top < innerHeight;
    const hasRing = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
    return { number: element.getAttribute('data-number'), isSeen: isInside && hasRing };
}

async function auditKeyboard(page, name) {
    const controls = await page.evaluate(number);
    const reached = new Set();
    const unseen = [];
    await page.evaluate(() => { document.activeElement?.blur(); scrollTo(0, 0); });
    for (let i = 0; i < controls.length + 5; i++) {
        await page.keyboard.press('Tab');
        const { number: at, isSeen } = await page.evaluate(focused);
        if (at === null) continue;
        reached.add(Number(at));
        if (!isSeen) unseen.push(controls[at]);
    }
    const missing = controls.filter((_, i) => !reached.has(i));
    holds(missing.length === 0 && controls.length > 0, `${name}: Tab reaches every control`, missing);
    holds(unseen.length === 0, `${name}: the focus can be seen`, unseen);
}

export async function audit(page, name) {
    for (const [width, colorScheme] of [[390, 'light'], [1280, 'light'], [1280, 'dark']]) {
        await page.setViewportSize({ width, height: 844 });
        await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
        const problems = await page.evaluate(look);
        holds(problems.length === 0, `${name}, ${width} px, ${colorScheme}`, problems);
        if (process.env.SCREENSHOTS) {
            await page.screenshot({ path: `${process.env.SCREENSHOTS}/${name}-${width}-${colorScheme}.png`, fullPage: true });
        }
    }
    await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' });
    await auditKeyboard(page, name);
}
