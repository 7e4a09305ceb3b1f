// Looks at a served folder as a visitor does: its listings and its error page, audited (audit.mjs), sorted and turned
// over by their links, without JavaScript.
//
//     node tests/browser/folder.mjs build/rawhttp-uv .
//
// SCREENSHOTS=FOLDER keeps pictures. Skipped (exit 77) as pages.mjs is.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { audit } from './audit.mjs';
import { finish, holds, launch, start } from './kit.mjs';

const [program, source] = process.argv.slice(2);
if (process.env.SCREENSHOTS) mkdirSync(process.env.SCREENSHOTS, { recursive: true });
const site = mkdtempSync(join(tmpdir(), 'rh-site-'));
for (const folder of ['empty', 'many', 'Projects/2026']) mkdirSync(join(site, folder), { recursive: true });
for (let i = 0; i < 1500; i++) writeFileSync(join(site, 'many', `part ${i}`), '');
const long = 'a name that goes on and on, with commas, and more words than fit into one line of a phone.txt';
for (const [name, bytes] of [['notes 9.md', 9], ['notes 10.md', 2000000], ['<b>&amp;.txt', 3], [long, 1]]) {
    writeFileSync(join(site, name), Buffer.alloc(bytes));
}
const browser = await launch();
const server = await start(program, source, site);
const origin = server.origins[0];
const context = await browser.newContext({ ignoreHTTPSErrors: true });
const page = await context.newPage();
const errors = [];
page.on('console', (message) => { if (message.type() === 'error' && !/404/.test(message.text())) errors.push(message.text()); });

const names = async () => (await page.locator('td:first-child a').allInnerTexts()).map((name) => name.trim());

await page.goto(`${origin}/`);
holds(JSON.stringify(await names()) ===
    JSON.stringify(['empty/', 'many/', 'Projects/', '<b>&amp;.txt', long, 'notes 9.md', 'notes 10.md']), 'natural order', await names());
await audit(page, 'folder');
await page.getByRole('link', { name: 'Size' }).click();
await page.getByRole('link', { name: 'Size' }).click();
holds((await names())[3] === 'notes 10.md', 'the largest first', await names());
holds(await page.locator('td[title="2,000,000 bytes"]').count() === 1, 'the exact size on hover');
await page.goto(`${origin}/Projects/2026/`);
holds(/empty/.test(await page.locator('main').innerText()), 'an empty folder says so');
await audit(page, 'empty folder');
await page.getByRole('link', { name: 'Projects' }).click();
holds(page.url() === `${origin}/Projects/`, 'the way back', page.url());
await page.goto(`${origin}/many/`);
await page.getByRole('link', { name: 'Next' }).click();
holds((await names())[0] === 'part 1000' && (await names()).length === 500, 'the second part', (await names()).slice(0, 3));
await page.goto(`${origin}/many/`);
await page.getByLabel('Search').fill('PART 149');
await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 11);
holds((await names())[0] === 'part 149' && (await names())[10] === 'part 1499', 'a search through all parts', await names());
await page.getByLabel('Search').fill('');
await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 1000);
await page.goto(`${origin}/`);
await page.getByLabel('Search').fill('notes 1');
holds(JSON.stringify(await names()) === '["notes 10.md"]', 'a search on the page', await names());
await page.goto(`${origin}/none`);
holds(await page.locator('h1').innerText() === '404 Not Found', 'the error page');
await audit(page, 'folder not found');
holds(errors.length === 0, 'nothing on the console', errors);

const unscripted = await browser.newContext({ ignoreHTTPSErrors: true, javaScriptEnabled: false });
const plain = await unscripted.newPage();
await plain.goto(`${origin}/`);
holds(await plain.locator('td:first-child a').count() === 7, 'without JavaScript');
await unscripted.close();
await context.close();
await server.stop();
rmSync(site, { recursive: true });
await browser.close();
finish();
