// Clicks through the demo as a visitor would, over http and https, with JavaScript and without, and audits every page
// that it comes to (audit.mjs).
//
//     node tests/browser/pages.mjs build/rawhttp-uv .
//
// SCREENSHOTS=FOLDER keeps pictures of all pages there. Skipped (exit 77) without Chromium or playwright-core; in this
// folder `npm ci` gets the latter.
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { audit } from './audit.mjs';
import { finish, holds, launch, start } from './kit.mjs';

const [program, source] = process.argv.slice(2);
if (process.env.SCREENSHOTS) mkdirSync(process.env.SCREENSHOTS, { recursive: true });
const browser = await launch();
const server = await start(program, source);

// A page of a browser window of its own that notes what it asks for elsewhere, and what goes wrong on it. What
// Chromium says about a page that itself is a 401, 404 or 500 is no error of the page.
async function open(origin, options = {}) {
    const context = await browser.newContext({ ignoreHTTPSErrors: true, ...options });
    const page = await context.newPage();
    const errors = [];
    const outside = [];
    page.on('console', (message) => {
        const isItself = message.location().url === page.url() && /status of (40[14]|500)/.test(message.text());
        if (message.type() === 'error' && !isItself) errors.push(message.text());
    });
    page.on('pageerror', (error) => errors.push(String(error)));
    page.on('dialog', (dialog) => { errors.push(`dialog: ${dialog.message()}`); dialog.dismiss().catch(() => {}); });
    await context.route('**', (route) => {
        const url = route.request().url();
        if (url.startsWith(`${origin}/`)) return route.continue();
        outside.push(url);
        return route.abort();
    });
    return {
        page,
        async close(name) {
            holds(errors.length === 0, `${name}: nothing on the console`, errors);
            holds(outside.length === 0, `${name}: nothing from elsewhere`, outside);
            await context.close();
        },
    };
}

const text = (page, selector) => page.locator(selector).first().innerText();

async function login(page, name, password) {
    await page.getByLabel('User name').fill(name);
    await page.getByLabel('Password').fill(password);
    const [answer] = await Promise.all([
        page.waitForResponse((response) => response.request().method() === 'POST'),
        page.getByRole('button', { name: 'Log in' }).click(),
    ]);
    await page.waitForLoadState();
    return answer.status();
}

const content = Buffer.from('a file\r\n--with lines--\r\n'.repeat(5000));
const upload = join(server.folder, 'my file.txt');
writeFileSync(upload, content);

// The form on the home page, posted by the browser itself; the answer is JSON.
async function send(page, origin, scheme) {
    await page.goto(`${origin}/`);
    await page.getByLabel('Files').setInputFiles(upload);
    await Promise.all([page.waitForURL('**/upload'), page.getByRole('button', { name: 'Upload' }).click()]);
    const [file] = JSON.parse(await text(page, 'pre'));
    const digest = createHash('sha256').update(content).digest('hex');
    holds(file.name === 'my file.txt' && file.size === content.length && file.sha256 === digest,
        `${scheme}: an upload is answered with its size and digest`, file);
}

// The pages are the same bytes over both schemes: they are audited over the first.
async function clickThrough(origin, audit) {
    const scheme = origin.split(':')[0];
    const { page, close } = await open(origin);
    await page.goto(`${origin}/`);
    await audit(page, `${scheme} home`);

    await page.getByRole('navigation').getByRole('link', { name: 'About' }).click();
    await page.waitForURL('**/hello');
    await audit(page, `${scheme} hello`);

    await page.getByRole('navigation').getByRole('link', { name: 'Welcome' }).click();
    await page.getByLabel('Name').fill('<script>alert(1)</script>');
    await Promise.all([page.waitForURL('**/welcome?name=*'), page.getByRole('button').click()]);
    holds((await text(page, 'h1')).includes('<script>alert(1)</script>'), `${scheme}: a name is text`, await text(page, 'h1'));
    holds(await page.getByLabel('Name').inputValue() === '<script>alert(1)</script>', `${scheme}: also in its field`);
    await audit(page, `${scheme} welcome`);

    await page.getByRole('navigation').getByRole('link', { name: 'Log in' }).click();
    await page.waitForURL('**/login');
    await audit(page, `${scheme} login`);
    holds(await login(page, 'admin', 'wrong') === 401, `${scheme}: a wrong password is 401`);
    holds(/failed/i.test(await text(page, '[role=alert]')), `${scheme}: and is told`);
    holds(await page.getByLabel('User name').inputValue() === 'admin', `${scheme}: the name is still there`);
    await audit(page, `${scheme} login failed`);
    holds(await login(page, 'admin', 'secret') === 200, `${scheme}: the right one is 200`);
    holds(/login successful/i.test(await text(page, 'main')), `${scheme}: and is told`, await text(page, 'main'));
    await audit(page, `${scheme} login done`);

    const missing = await page.goto(`${origin}/no/such/page`);
    holds(missing.status() === 404, `${scheme}: 404`);
    await audit(page, `${scheme} not found`);
    const broken = await page.goto(`${origin}/panic`);
    holds(broken.status() === 500, `${scheme}: 500`);
    await audit(page, `${scheme} failed`);
    await send(page, origin, scheme);
    await close(scheme);
}

// The page that moves: the counter goes on, the graph grows.
async function watchLive(origin, audit) {
    const scheme = origin.split(':')[0];
    const { page, close } = await open(origin);
    await page.goto(`${origin}/live.html`);
    await page.waitForFunction(() => /id 3\b/.test(document.getElementById('events').textContent), null, { timeout: 30000 });
    const first = await page.evaluate(() => document.getElementById('rate-line').querySelector('polyline').getAttribute('points'));
    await page.waitForFunction((before) =>
        document.getElementById('rate-line').querySelector('polyline').getAttribute('points') !== before, first);
    const points = await page.evaluate(() =>
        document.getElementById('open-line').querySelector('polyline').getAttribute('points').trim().split(/\s+/).length);
    holds(points >= 2, `${scheme}: the graph has ${points} points`);
    holds(Number(await text(page, '#open')) >= 1, `${scheme}: connections are counted`);
    holds(await page.locator('#histogram rect').count() >= 4, `${scheme}: the histogram has bars`);
    await audit(page, `${scheme} live`);
    await close(`${scheme} live`);
}

// Two pages in one room: what one writes is on both.
async function chat(origin, audit) {
    const scheme = origin.split(':')[0];
    const { page, close } = await open(origin);
    const other = await page.context().newPage();
    for (const one of [page, other]) {
        await one.goto(`${origin}/chat.html`);
        await one.waitForSelector('#status[data-state=open]', { timeout: 30000 });
    }
    await page.getByRole('textbox', { name: 'Message' }).fill('Hello, <b>everybody</b>');
    await page.keyboard.press('Enter');
    for (const one of [page, other]) {
        await one.waitForSelector('.bubble', { timeout: 30000 });
        holds(await text(one, '.bubble') === 'Hello, <b>everybody</b>', `${scheme}: the message is there`);
    }
    holds(await page.locator('.said.own').count() === 1, `${scheme}: one's own stands apart`);
    holds(await other.locator('.said.own').count() === 0, `${scheme}: that of another does not`);
    await audit(page, `${scheme} chat`);
    await close(`${scheme} chat`);
}

// Links and forms are HTML: with JavaScript switched off everything but the drawing works.
async function withoutJavaScript(origin) {
    const scheme = `${origin.split(':')[0]} without JavaScript`;
    const { page, close } = await open(origin, { javaScriptEnabled: false });
    await page.goto(`${origin}/login`);
    holds(await login(page, 'admin', 'no') === 401, `${scheme}: a wrong password is 401`);
    holds(/failed/i.test(await text(page, '[role=alert]')), `${scheme}: and is told`);
    holds(await login(page, 'admin', 'secret') === 200, `${scheme}: the right one is 200`);
    await send(page, origin, scheme);
    await page.goto(`${origin}/live.html`);
    holds(/JavaScript/.test(await text(page, '.notice')), `${scheme}: the live page says what it needs`);
    await close(scheme);
}

try {
    holds(server.origins.length === 2, 'http and https', server.origins);
    for (const origin of server.origins) {
        const see = origin === server.origins[0] ? audit : async () => {};
        await clickThrough(origin, see);
        await watchLive(origin, see);
        await chat(origin, see);
        await withoutJavaScript(origin);
    }
} catch (error) {
    holds(false, 'the click-through came to its end', String(error));
}
await browser.close();
holds(await server.stop() === 0, 'the program stops cleanly with pages that were open');
finish();
