// What the browser tests of the pages share: the program as a person starts it, a headless Chromium, and a list of
// checks that is counted. Exits 77, which Meson takes for "skipped", where Chromium or playwright-core is missing.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve as absolute } from 'node:path';

const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
const slow = Number(process.env.RAWHTTP_TEST_SLOWNESS ?? 1);

export async function launch() {
    const playwright = await import('playwright-core').catch(() => null);
    if (!playwright || !existsSync(executablePath)) {
        console.log(`skipped: ${playwright ? executablePath : 'playwright-core'} is missing`);
        process.exit(77);
    }
    return playwright.chromium.launch({
        executablePath,
        args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
            '--disable-background-networking', '--disable-component-update', '--disable-sync'],
    });
}

// Starts the program on free ports in a folder of its own, in which it finds the pages of the checkout.
export async function start(program, source, ...options) {
    const folder = mkdtempSync(join(tmpdir(), 'rh-pages-'));
    symlinkSync(absolute(source, 'pages'), join(folder, 'pages'));
    const env = Object.fromEntries(Object.entries(process.env)
        .filter(([name]) => !name.startsWith('RAWHTTP_') && name !== 'PORT'));
    const child = spawn(absolute(program), ['--port', '0', '--tls-port', '0', '--dev-cert', ...options],
        { cwd: folder, env, stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    await new Promise((resolve, reject) => {
        const late = setTimeout(() => reject(new Error(`the program did not start: ${said}`)), 20000 * slow);
        child.on('exit', () => reject(new Error(`the program ended: ${said}`)));
        child.stderr.on('data', (piece) => {
            said += piece;
            if (/^rawhttp-uv \d/m.test(said)) {
                clearTimeout(late);
                resolve();
            }
        });
    });
    const origins = [...said.matchAll(/^(https?:\/\/[^/\s]+)\/$/gm)].map((match) => match[1]);
    return {
        folder,
        origins: ['http:', 'https:'].map((scheme) => origins.find((o) => o.startsWith(scheme))).filter(Boolean),
        async stop() {
            child.removeAllListeners('exit');
            const ended = new Promise((resolve) => child.on('exit', resolve));
            child.kill('SIGTERM');
            const code = await ended;
            rmSync(folder, { recursive: true });
            return code;
        },
    };
}

let passed = 0;
let failed = 0;

// One fact; the text says what was wanted, `what` what came instead.
export function holds(condition, text, what = '') {
    if (condition) {
        passed++;
    } else {
        failed++;
        console.log(`FAIL  ${text}${what === '' ? '' : `: ${typeof what === 'string' ? what : JSON.stringify(what)}`}`);
    }
}

export function finish() {
    console.log(`${passed} passed, ${failed} failed`);
    process.exit(failed > 0 || passed === 0 ? 1 : 0);
}
