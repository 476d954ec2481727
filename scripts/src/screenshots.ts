import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { findProgram } from '@cortex-mqtt/testing';
import { chromium } from 'playwright-core';
import { seedContent } from './screenshots/demo-content';
import { PICTURES, takePicture } from './screenshots/pictures';
import { startDemoStack } from './screenshots/demo-stack';
import { startTraffic } from './screenshots/traffic';

/** scripts/dist/screenshots.js is two folders below the clone. */
const ROOT = resolve(__dirname, '..', '..');

const say = (text: string): void => {
  process.stderr.write(`${text}\n`);
};

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', multiple: true },
      traffic: { type: 'string', default: '240' },
      out: { type: 'string', default: join(ROOT, 'docs', 'screenshots') },
    },
  });
  const wanted = PICTURES.filter(({ name }) => !values.only || values.only.includes(name));
  const unknown = values.only?.filter((name) => !PICTURES.some((picture) => picture.name === name)) ?? [];
  if (unknown.length > 0) throw new Error(`unknown: ${unknown.join(', ')} (see ./scripts/screenshots --help)`);

  say('▸ starting everything …');
  const stack = await startDemoStack(ROOT);
  try {
    const content = await seedContent(stack);
    const traffic = await startTraffic(stack.broker_url);
    try {
      const traffic_s = Number(values.traffic);
      say(`▸ traffic flows for ${traffic_s} s …`);
      await new Promise((done) => setTimeout(done, traffic_s * 1000));
      const browser = await chromium.launch({
        executablePath: findProgram('chromium', 'chromium'),
        args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update'],
      });
      try {
        for (const picture of wanted) {
          try {
            const { file, kB } = await takePicture(picture, { browser, stack, content, out: resolve(values.out) });
            say(`✔ ${file} (${kB} kB)`);
          } catch (error) {
            // The others are worth having.
            say(`✘ ${picture.name}: ${(error as Error).message}`);
            process.exitCode = 1;
          }
        }
      } finally {
        await browser.close();
      }
    } finally {
      await traffic.stop();
    }
  } finally {
    await stack.stop();
  }
}

main().catch((error: Error) => {
  say(error.stack ?? error.message);
  process.exitCode = 1;
});
