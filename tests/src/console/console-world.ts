import { type HttpReceiver, type Mosquitto, startHttpReceiver, startMosquitto } from '@cortex-mqtt/testing';
import type { Browser, Locator, Page } from 'playwright-core';
import type { ProductWishes, TestProduct } from '../harness/product';
import { type Publisher, startPublisher } from '../harness/publisher';
import { type Stack, startStack } from '../harness/stack';
import { launchBrowser, openConsole, signInAt, type Visit } from './browser';

/** Milliseconds that a step of a browser test may take: machines that run tests are busy. */
export const STEPS_MS = 180_000;
export const BROKER_USER = { username: 'shop', password: 'right-password' };

/** The whole system with a product, and the console open in a browser, signed in as the administrator. */
export interface ConsoleWorld {
  stack: Stack;
  mosquitto: Mosquitto;
  receiver: HttpReceiver;
  publisher: Publisher;
  browser: Browser;
  product: TestProduct;
  admin: Visit;
  page: Page;
  /** Path of the page of the product's MQTT configuration. */
  config_page: string;
  /** Waits until a text stands on the page. */
  said(text: string | RegExp): Promise<void>;
  /** A browser profile of its own, signed in as somebody else. */
  visit(who: { email: string; password: string }, path: string): Promise<Visit>;
  /** Creates a user with a role. */
  addUser(user: {
    email: string;
    password: string;
    role: 'viewer' | 'operator';
    product_ids?: number[];
    all_products?: boolean;
  }): Promise<void>;
  stop(): Promise<void>;
}

export interface WorldOptions {
  product?: Partial<ProductWishes>;
  /** Without one the product waits for a listener. */
  listener: boolean;
  /** Further settings of the orchestrator. */
  env?: Record<string, string>;
}

export async function startConsoleWorld({
  product: wishes = {},
  listener,
  env = {},
}: WorldOptions): Promise<ConsoleWorld> {
  const [stack, mosquitto, receiver, browser] = await Promise.all([
    startStack({ queue: 'postgres', env }),
    startMosquitto({ users: { [BROKER_USER.username]: BROKER_USER.password } }),
    startHttpReceiver(),
    launchBrowser(),
  ]);
  const publisher = await startPublisher(mosquitto.url, BROKER_USER);
  const product = await stack.newProduct({
    name: 'Orders',
    broker: { host: '127.0.0.1', port: mosquitto.port, ...BROKER_USER },
    topics: { prefix: 'shop', qos: 1 },
    subscriptions: [{ name: 'Order placed', topic: 'orders/{+id}' }],
    ...wishes,
  });
  if (listener) {
    await stack.startListener(product);
    await product.untilSettled();
  }
  const visits: Visit[] = [];
  const visit = async (who: { email: string; password: string }, path: string): Promise<Visit> => {
    const opened = await openConsole({ browser, url: stack.orchestrator_url });
    visits.push(opened);
    await signInAt(opened.page, who, path);
    return opened;
  };
  const admin = await visit(stack.admin, '/products');
  await admin.page.getByRole('heading', { level: 1, name: 'Products' }).waitFor();
  return {
    stack,
    mosquitto,
    receiver,
    publisher,
    browser,
    product,
    admin,
    page: admin.page,
    config_page: `/products/${product.id}/mqtt-config`,
    said: (text) => admin.page.getByText(text).first().waitFor(),
    visit,
    async addUser({ email, ...user }) {
      await stack.rest.call('POST', '/users', { email, name: email.split('@')[0] ?? email, ...user });
    },
    async stop() {
      await Promise.all(visits.map((opened) => opened.close()));
      await browser.close();
      await publisher.end();
      await receiver.stop();
      await stack.stop();
      await mosquitto.stop();
    },
  };
}

/** The panel or dialog part with this heading. */
export const region = (page: Page, name: string | RegExp): Locator => page.getByRole('region', { name });
