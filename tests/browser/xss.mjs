// Opens every page of the XSS corpus (xss_pages.c) in headless Chromium and does what a person
// could: hovers, focuses, clicks. No script of the values may run: no dialog, no element that the
// template did not write, no URL that would run one.
//
//     node tests/browser/xss.mjs build/tests/browser/xss-pages
//
// Needs Chromium and playwright-core (npm install in this folder); exits 77 if one is missing.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { launch } from './kit.mjs';

const browser = await launch();
const folder = mkdtempSync(join(tmpdir(), 'rh-xss-'));
const count = Number(execFileSync(process.argv[2], [folder]).toString());

const server = createServer((request, response) => {
    const name = /^\/(\d+|control)\.html$/.exec(request.url)?.[1];
    response.writeHead(name ? 200 : 404, { 'Content-Type': 'text/html; charset=utf-8' });
    response.end(name ? readFileSync(join(folder, `${name}.html`)) : '');
}).listen(0, '127.0.0.1');
await new Promise((resolve) => server.on('listening', resolve));
const origin = `http://127.0.0.1:${server.address().port}`;

// In the page: everything that a hostile value could have become. `scripts` is how many script
// elements the template writes for each value.
function inspect(scripts) {
    const problems = [];
    const urls = ['href', 'src', 'action', 'formAction', 'poster', 'currentSrc'];
    const values = document.querySelectorAll('body > div');
    for (const element of document.querySelectorAll('*')) {
        for (const attribute of element.attributes) {
            if (attribute.name.startsWith('on')) {
                problems.push(`<${element.localName} ${attribute.name}>`);
            }
        }
        for (const name of urls) {
            const url = element[name]?.baseVal ?? element[name];
            if (typeof url === 'string' && /^\s*(javascript|data|vbscript):/i.test(url)) {
                problems.push(`<${element.localName} ${name}="${url}">`);
            }
        }
        element.dispatchEvent(new MouseEvent('mouseover', { bubbles: true }));
        element.focus?.();
    }
    if (document.scripts.length !== scripts * values.length) {
        problems.push(`${document.scripts.length} scripts`);
    }
    return { problems, values: values.length };
}

// In the page: clicks each link and button. Where that leads to a scheme that runs nothing, the
// click itself is enough and the page stays; everything else is followed.
function clickAll() {
    const harmless = /^(https?|mailto|about):/i;
    for (const element of document.querySelectorAll('a, button')) {
        const target = element.formAction ?? element.href?.baseVal ?? element.href;
        const click = new MouseEvent('click', { bubbles: true, cancelable: true });
        if (harmless.test(new URL(target, document.baseURI).href)) {
            element.addEventListener('click', (event) => event.preventDefault());
        }
        element.dispatchEvent(click);
    }
}

const page = await browser.newPage();
let dialogs = [];
page.on('dialog', async (dialog) => {
    dialogs.push(dialog.message());
    await dialog.dismiss().catch(() => {});
});
await page.route('**', (route) => {
    const isOurs = route.request().url().startsWith(origin);
    return isOurs ? route.continue() : route.abort();
});

async function visit(name) {
    const url = `${origin}/${name}.html`;
    dialogs = [];
    await page.goto(url, { waitUntil: 'domcontentloaded' });
    const html = readFileSync(join(folder, `${name}.html`), 'utf8');
    const first = html.slice(html.indexOf('<div>'), html.indexOf('</div>\n'));
    const scripts = name === 'control' ? 0 : (first.match(/<script/g) ?? []).length;
    const result = await page.evaluate(inspect, scripts);
    await page.evaluate(clickAll);
    await page.waitForTimeout(50);
    return { ...result, dialogs };
}

let failed = 0;
let values = 0;
const control = await visit('control');
if (control.dialogs.length === 0 || control.problems.length === 0) {
    console.log('the control page ran no script: this test can not fail');
    failed++;
}
for (let i = 0; i < count; i++) {
    const { problems, dialogs, values: seen } = await visit(String(i));
    values += seen;
    if (problems.length > 0 || dialogs.length > 0 || seen === 0) {
        failed++;
        console.log(`page ${i}: ${dialogs.length} dialogs, ${seen} values; ${problems.join(' ')}`);
    }
}
await browser.close();
server.close();
rmSync(folder, { recursive: true });
console.log(`${count} places, ${values} values in them, ${failed} failed; ` +
    `control: ${control.dialogs.length} dialogs`);
process.exit(failed > 0 ? 1 : 0);
