// What the browser tests of the pages share: the program as a person starts it, a headless Chromium, and a list of
// checks that is counted. Exits 77, which Meson takes for "skipped", if Chromium or playwright-core is missing.
import { spawn } from 'node:child_process';
import { constants, copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve as absolute } from 'node:path';

const executablePath = process.env.CHROMIUM
    || (process.env.PATH ?? '').split(':').map((folder) => join(folder, 'chromium')).find(existsSync)
    || '/usr/bin/chromium';
const slow = Number(process.env.RAWHTTP_TEST_SLOWNESS ?? 1);

export async function launch() {
    const playwright = await import('playwright-core').catch(() => null);
    const missing = [];
    if (!playwright) missing.push('playwright-core is missing: run npm ci in tests/browser');
    if (!existsSync(executablePath)) missing.push(`${executablePath} is missing: install chromium, or set CHROMIUM`);
    if (missing.length > 0) {
        console.log(`skipped: ${missing.join('; ')}`);
        process.exit(77);
    }
    return playwright.chromium.launch({
        executablePath,
        args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
            '--disable-background-networking', '--disable-component-update', '--disable-sync'],
    });
}

// Starts a copy of the program on free ports in a folder of its own, in which it finds the pages of the checkout and
// nothing that a run left in the checkout or beside the program.
export async function start(program, source, ...options) {
    const folder = mkdtempSync(join(tmpdir(), 'rh-pages-'));
    const copy = join(folder, 'bin', 'rawhttp-uv');
    mkdirSync(join(folder, 'bin'));
    copyFileSync(absolute(program), copy, constants.COPYFILE_FICLONE);
    symlinkSync(absolute(source, 'pages'), join(folder, 'pages'));
    const env = Object.fromEntries(Object.entries(process.env)
        .filter(([name]) => !name.startsWith('RAWHTTP_') && name !== 'PORT'));
    const child = spawn(copy, ['--port', '0', '--tls-port', '0', '--dev-cert', ...options],
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
