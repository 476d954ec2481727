import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type Api, allPages, connect, type Product, productBySlug } from '../api';
import { type Command, CommandFault, EXIT } from '../command';

interface Status {
  state: string;
  connected: boolean;
  connection_error: string | null;
  desired_revision: number;
  applied_revision: number | null;
  instances: unknown[];
}

export const statusCommand: Command = {
  usage: 'status [--product SLUG] [--json]',
  summary: 'connection of every product; exit 1 when an enabled one is not connected',
  options: ['--product', '--json'],
  async run(context) {
    const { values } = parseArgs({
      args: context.args,
      options: { product: { type: 'string' }, json: { type: 'boolean' } },
    });
    const api = connect(context.env);
    const products =
      values.product === undefined
        ? await allPages<Product>(api, '/products')
        : [await productBySlug(api, values.product)];
    const all = [];
    for (const { id, slug, enabled } of products) {
      const { instances, ...status } = await api.get<Status>(`/products/${id}/mqtt-config/status`);
      all.push({ slug, enabled, ...status, instances: instances.length });
    }
    if (values.json) context.out(`${JSON.stringify(all, null, 2)}\n`);
    for (const one of values.json ? [] : all) {
      const why = one.connection_error === null ? '' : `: ${one.connection_error}`;
      const state = one.enabled ? one.state : 'disabled';
      const revision = `revision ${one.applied_revision ?? '–'} of ${one.desired_revision}`;
      context.out(`${one.slug}  ${state}  ${one.instances} listeners  ${revision}${why}\n`);
    }
    return all.every(({ enabled, connected }) => !enabled || connected) ? EXIT.done : EXIT.failed;
  },
};

interface Message {
  topic: string;
  payload_text: string | null;
  payload_base64: string;
  received_at: string;
}

export const messagesCommand: Command = {
  usage: 'messages tail --product SLUG --subscription NAME [--json]',
  summary: 'print messages as they come, until it is ended',
  options: ['tail', '--product', '--subscription', '--json'],
  async run(context) {
    const { positionals, values } = parseArgs({
      args: context.args,
      options: { product: { type: 'string' }, subscription: { type: 'string' }, json: { type: 'boolean' } },
      allowPositionals: true,
    });
    if (positionals.join(' ') !== 'tail' || values.product === undefined || values.subscription === undefined) {
      throw new CommandFault('use: cortex messages tail --product SLUG --subscription NAME');
    }
    const api = connect(context.env);
    const { id } = await productBySlug(api, values.product);
    const path = `/products/${id}/mqtt-config/subscriptions`;
    const subscriptions = await allPages<{ id: number; name: string }>(api, path);
    const subscription = subscriptions.find(({ name }) => name === values.subscription);
    if (subscription === undefined) throw new CommandFault(`product "${values.product}" has no such subscription`);
    let after = '';
    while (!context.signal.aborted) {
      const query = after === '' ? 'limit=10' : `limit=20&wait_s=20&after=${encodeURIComponent(after)}`;
      const started = Date.now();
      const messages = await recent(api, `${path}/${subscription.id}/recent-messages?${query}`, context.signal);
      if (messages === null) break;
      for (const message of messages.reverse()) {
        context.out(values.json ? `${JSON.stringify(message)}\n` : `${printed(message)}\n`);
        if (message.received_at > after) after = message.received_at;
      }
      if (after === '') after = new Date().toISOString();
      // No listener to wait for: the answer comes at once.
      if (messages.length === 0 && Date.now() - started < 1_000) {
        await pause(1_000, undefined, { signal: context.signal }).catch(() => undefined);
      }
    }
    return EXIT.done;
  },
};

/** null = ended while waiting. */
async function recent(api: Api, path: string, signal: AbortSignal): Promise<Message[] | null> {
  try {
    return (await api.get<{ items: Message[] }>(path, { signal })).items;
  } catch (error) {
    if (signal.aborted) return null;
    throw error;
  }
}

function printed({ received_at, topic, payload_text, payload_base64 }: Message): string {
  return `${received_at}  ${topic}  ${payload_text ?? `(base64) ${payload_base64}`}`;
}

export const deliveriesCommand: Command = {
  usage: 'deliveries retry --product SLUG [--error TEXT] [--from TIME] [--to TIME] [--json]',
  summary: 'try dead letters of a product again',
  options: ['retry', '--product', '--error', '--from', '--to', '--json'],
  async run(context) {
    const { positionals, values } = parseArgs({
      args: context.args,
      options: {
        product: { type: 'string' },
        error: { type: 'string' },
        from: { type: 'string' },
        to: { type: 'string' },
        json: { type: 'boolean' },
      },
      allowPositionals: true,
    });
    if (positionals.join(' ') !== 'retry' || values.product === undefined) {
      throw new CommandFault('use: cortex deliveries retry --product SLUG');
    }
    const api = connect(context.env);
    const { id } = await productBySlug(api, values.product);
    const { error, from, to } = values;
    const operation = await api.send<{ id: string }>('POST', `/products/${id}/deliveries/retry`, { error, from, to });
    const ended = await untilEnded(api, `/products/${id}/operations/${operation.id}`, context.signal);
    if (values.json) context.out(`${JSON.stringify(ended, null, 2)}\n`);
    else context.out(`${ended.state}: ${ended.done ?? 0} of ${ended.total ?? 0} deliveries\n`);
    return ended.state === 'failed' ? EXIT.failed : EXIT.done;
  },
};

interface Operation {
  state: string;
  total: number | null;
  done: number | null;
}

async function untilEnded(api: Api, path: string, signal: AbortSignal): Promise<Operation> {
  for (;;) {
    const operation = await api.get<Operation>(path);
    if (!['queued', 'pending', 'running'].includes(operation.state) || signal.aborted) return operation;
    await pause(300, undefined, { signal }).catch(() => undefined);
  }
}
