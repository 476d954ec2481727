import { mkdirSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import type { DemoContent } from './demo-content';
import type { DemoStack } from './demo-stack';

export interface Picture {
  name: string;
  size: { width: number; height: number };
  scheme: 'light' | 'dark';
  /** Brings the page to where the picture is taken. */
  arrange(page: Page, content: DemoContent): Promise<void>;
}

const DESK = { width: 1280, height: 860 };
const PHONE = { width: 360, height: 740 };
const PATIENCE_MS = 60_000;
const SETTLED_MS = 5_000;

const overview = async (page: Page, { shop_id }: DemoContent): Promise<void> => {
  await page.goto(`/products/${shop_id}`);
  await page.getByText('15 min', { exact: true }).click();
  await page.getByRole('heading', { name: 'Messages' }).waitFor();
  await page.locator('.mantine-Skeleton-root').first().waitFor({ state: 'detached' });
};

const guidedPath = async (page: Page, { workshop_id }: DemoContent): Promise<void> => {
  await page.goto(`/products/${workshop_id}/setup/message`);
  const publish = page.getByRole('button', { name: 'Publish a test message' });
  const seen = page.getByText('The first message has arrived');
  await publish.or(seen).first().waitFor();
  // Whether one has arrived is known a moment after the page is there.
  const is_seen = await seen.waitFor({ timeout: SETTLED_MS }).then(
    () => true,
    () => false,
  );
  if (!is_seen) {
    await page.getByLabel('Topic', { exact: true }).fill('workshop/lyon/lathe-2/temperature');
    await page.getByLabel('Payload', { exact: true }).fill('{"celsius": 41.5}');
    await publish.click();
  }
  await page.getByText(/\d+ actions? ran/).waitFor();
  await page.getByRole('alert').first().waitFor({ state: 'hidden' });
};

/** Each page as a person would find it, named as its file. */
export const PICTURES: Picture[] = [
  {
    name: 'products',
    size: { ...DESK, height: 560 },
    scheme: 'light',
    arrange: async (page) => {
      await page.goto('/products');
      await page.getByText('Delivery fleet').waitFor();
    },
  },
  { name: 'overview-light', size: { ...DESK, height: 1_000 }, scheme: 'light', arrange: overview },
  { name: 'overview-dark', size: { ...DESK, height: 1_000 }, scheme: 'dark', arrange: overview },
  {
    name: 'mqtt-config',
    size: { ...DESK, height: 1_000 },
    scheme: 'light',
    arrange: async (page, { shop_id }) => {
      await page.goto(`/products/${shop_id}/mqtt-config`);
      await page.getByRole('button', { name: 'Test connection' }).click();
      await page.getByText('The connection works').waitFor();
    },
  },
  {
    name: 'action-editor',
    size: { ...DESK, height: 1_000 },
    scheme: 'light',
    arrange: async (page, { shop_id, large_orders_id }) => {
      await page.goto(`/products/${shop_id}/subscriptions/${large_orders_id}`);
      await page.getByText('Recent', { exact: true }).click();
      await page
        .getByRole('button', { name: /^Use the message on/ })
        // One that the condition lets through.
        .filter({ hasText: /"amount":[45]\d\d\b/ })
        .first()
        .click();
      await page.getByRole('button', { name: 'Dry run', exact: true }).click();
      await page.getByText('would run').first().waitFor();
    },
  },
  {
    name: 'deliveries',
    size: DESK,
    scheme: 'light',
    arrange: async (page, { shop_id }) => {
      await page.goto(`/products/${shop_id}/deliveries`);
      await page.getByText('demo/refunds/').first().waitFor();
    },
  },
  { name: 'guided-path', size: { ...DESK, height: 680 }, scheme: 'light', arrange: guidedPath },
  { name: 'phone-overview', size: PHONE, scheme: 'dark', arrange: overview },
  { name: 'phone-guided-path', size: PHONE, scheme: 'dark', arrange: guidedPath },
];

interface Surroundings {
  browser: Browser;
  stack: DemoStack;
  content: DemoContent;
  out: string;
}

/** Signs in with a fresh profile, arranges, takes the picture. */
export async function takePicture(
  { name, size, scheme, arrange }: Picture,
  { browser, stack, content, out }: Surroundings,
): Promise<{ file: string; kB: number }> {
  const context = await browser.newContext({
    baseURL: stack.console_url,
    viewport: size,
    colorScheme: scheme,
    reducedMotion: 'reduce',
    locale: 'en-GB',
  });
  context.setDefaultTimeout(PATIENCE_MS);
  try {
    const page = await context.newPage();
    await page.goto('/sign-in');
    await page.getByLabel('Email').fill(stack.admin.email);
    await page.getByRole('textbox', { name: 'Password' }).fill(stack.admin.password);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.waitForURL('**/products');
    await arrange(page, content);
    await page.waitForLoadState('load');
    await page.evaluate('document.fonts.ready');
    await page.evaluate('document.activeElement?.blur(); window.scrollTo(0, 0)');
    mkdirSync(out, { recursive: true });
    const file = join(out, `${name}.png`);
    await page.screenshot({ path: file, animations: 'disabled' });
    return { file: relative(process.cwd(), file), kB: Math.round(statSync(file).size / 1000) };
  } finally {
    await context.close();
  }
}
