import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram } from '@cortex-mqtt/testing';
import { type Browser, chromium, type Page } from 'playwright-core';

const CONSOLE_BUILD = join(__dirname, '..', '..', '..', 'apps', 'console', 'dist', 'index.html');
const PATIENCE_MS = 40_000;

/** Debian's Chromium, without a window and without talking to anybody. */
export function launchBrowser(): Promise<Browser> {
  if (!existsSync(CONSOLE_BUILD)) throw new Error('the console is not built: run "npm run build:console"');
  return chromium.launch({
    executablePath: findProgram('chromium', 'chromium'),
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update'],
  });
}

export interface Visit {
  page: Page;
  /** Violations of the Content-Security-Policy, errors nobody caught, and React's complaints. */
  faults: string[];
  close(): Promise<void>;
}

export interface VisitOptions {
  browser: Browser;
  url: string;
  width?: number;
  scheme?: 'light' | 'dark';
}

/** A browser profile of its own, with one page. */
export async function openConsole({ browser, url, width = 1280, scheme = 'light' }: VisitOptions): Promise<Visit> {
  const context = await browser.newContext({
    baseURL: url,
    viewport: { width, height: 900 },
    colorScheme: scheme,
    reducedMotion: 'reduce',
  });
  context.setDefaultTimeout(PATIENCE_MS);
  const page = await context.newPage();
  const faults: string[] = [];
  page.on('console', (message) => {
    // A refused request is logged by the browser itself; what the console makes of it is what tests look at.
    if (message.type() !== 'error' || message.text().startsWith('Failed to load resource')) return;
    faults.push(message.text());
  });
  page.on('pageerror', (error) => faults.push(String(error)));
  return { page, faults, close: () => context.close() };
}

export async function signInAt(page: Page, who: { email: string; password: string }, path = '/'): Promise<void> {
  await page.goto(path);
  await page.getByLabel('Email').fill(who.email);
  await page.getByRole('textbox', { name: 'Password' }).fill(who.password);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

interface AxeResult {
  violations: { id: string; impact: string | null; nodes: { target: unknown; html: string }[] }[];
}

/** What axe finds serious or critical on the page as it is, as `rule: element`. */
export async function seriousFaults(page: Page): Promise<string[]> {
  await page.evaluate(readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8'));
  const { violations } = (await page.evaluate('axe.run(document, { resultTypes: ["violations"] })')) as AxeResult;
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 200)}`));
}

/** By how many pixels the page is wider than the window. */
export async function overflow(page: Page): Promise<number> {
  return (await page.evaluate('document.documentElement.scrollWidth - window.innerWidth')) as number;
}
