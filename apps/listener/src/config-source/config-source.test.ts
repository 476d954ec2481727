import { join } from 'node:path';
import type { ListenerConfigDocument } from '@cortex-mqtt/contracts';
import { createLogger, createRedactor } from '@cortex-mqtt/observability';
import { EncryptedFile } from '@cortex-mqtt/secrets';
import { createTestDirectory, startHttpReceiver } from '@cortex-mqtt/testing';
import { ConfigSourceChain, type SourcedDocument } from './config-source';
import { createOrchestratorClient } from './orchestrator-client';

const TOKEN = 'cml_test-token-of-a-listener';
const logger = createLogger({ service: 'listener', version: 'test', redactor: createRedactor(), level: 'error' });

function buildDocument(overrides: Partial<ListenerConfigDocument> = {}): ListenerConfigDocument {
  return {
    product_id: 1,
    product_slug: 'demo',
    enabled: true,
    revision: 7,
    reconnect_generation: 0,
    variables: {},
    brokers: [],
    failover: { subscribe_on: 'one', after_s: null, failback_after_s: null },
    shared_group: null,
    session_key: null,
    handover_after_ms: 20,
    probe: null,
    subscriptions: [],
    secrets: { NAME: 'value' },
    ...overrides,
  };
}

async function buildChain(
  options: { environment?: ListenerConfigDocument | null; directory?: string; unknown_token_grace_ms?: number } = {},
) {
  const receiver = await startHttpReceiver();
  const directory = options.directory ?? createTestDirectory('config-source');
  const told: SourcedDocument[] = [];
  const rejected: { revision: number; reason: string }[] = [];
  const refused: string[] = [];
  let unknown = 0;
  const client = createOrchestratorClient({ url: receiver.url, token: TOKEN, instance_id: 'one' });
  const cache = new EncryptedFile({ path: join(directory, 'cache'), secret: TOKEN, purpose: 'listener configuration' });
  const chain = new ConfigSourceChain({
    client,
    cache,
    environment: options.environment ?? null,
    poll_interval_ms: 3_600_000,
    logger,
    onDocument: (sourced) => told.push(sourced),
    onRejected: (item) => rejected.push(item),
    onTokenRefused: (reason) => refused.push(reason),
    onTokenUnknown: () => {
      unknown += 1;
    },
    unknown_token_grace_ms: options.unknown_token_grace_ms,
  });
  return {
    receiver,
    chain,
    cache,
    told,
    rejected,
    refused,
    unknown: () => unknown,
    sources: () => told.map(({ source, document }) => `${source}:${document.revision}`),
    async close() {
      await chain.stop();
      await client.close();
      await receiver.stop();
    },
  };
}

const json = (body: unknown, headers: Record<string, string> = {}) => ({
  status: 200,
  headers: { 'content-type': 'application/json', ...headers },
  body: JSON.stringify(body),
});

describe('ConfigSourceChain', () => {
  it('takes the orchestrator’s document, keeps it sealed on disk, and asks again with its ETag', async () => {
    const chain = await buildChain();
    chain.receiver.answerWith(json(buildDocument(), { etag: '"7"' }));
    await chain.chain.start();
    expect(chain.sources()).toEqual(['orchestrator:7']);
    expect(JSON.parse((await chain.cache.read()) ?? '')).toEqual(buildDocument());

    chain.receiver.answerWith({ status: 304 });
    await chain.chain.refresh();
    expect(chain.sources()).toEqual(['orchestrator:7']);
    expect(chain.receiver.requests.at(-1)?.headers['if-none-match']).toBe('"7"');
    expect(chain.receiver.requests.at(-1)?.headers.authorization).toBe(`Bearer ${TOKEN}`);
    await chain.close();
  });

  it('falls back to the last known good, and goes over to the orchestrator when it is back', async () => {
    const directory = createTestDirectory('config-source');
    const before = await buildChain({ directory });
    before.receiver.answerWith(json(buildDocument()));
    await before.chain.start();
    await before.close();

    const chain = await buildChain({ directory, environment: buildDocument({ revision: 0 }) });
    chain.receiver.answerWith({ status: 503 });
    await chain.chain.start();
    expect(chain.sources()).toEqual(['last_known_good:7']);
    chain.receiver.answerWith(json(buildDocument({ revision: 8 })));
    await chain.chain.refresh();
    expect(chain.sources()).toEqual(['last_known_good:7', 'orchestrator:8']);
    await chain.close();
  });

  it('falls back to the environment when nothing else is there', async () => {
    const chain = await buildChain({ environment: buildDocument({ revision: 0 }) });
    chain.receiver.answerWith({ status: 500 });
    await chain.chain.start();
    expect(chain.sources()).toEqual(['environment:0']);
    await chain.close();
  });

  it('uses nothing that was cached once the token is refused', async () => {
    const chain = await buildChain({ environment: buildDocument({ revision: 0 }) });
    chain.receiver.answerWith(json(buildDocument()));
    await chain.chain.start();
    chain.receiver.answerWith({ status: 401, body: JSON.stringify({ detail: 'The token was revoked.' }) });
    await chain.chain.refresh();
    expect(chain.refused).toEqual([expect.stringContaining('The token was revoked.')]);
    expect(await chain.cache.read()).toBeNull();
    chain.receiver.answerWith({ status: 503 });
    await chain.chain.refresh();
    expect(chain.sources().filter((source) => source.startsWith('last_known_good'))).toEqual([]);
    await chain.close();
  });

  it('keeps the configuration for a while when the token is not known at all, and then no longer', async () => {
    const directory = createTestDirectory('config-source');
    const unknown = {
      status: 401,
      body: JSON.stringify({ type: 'urn:cortex-mqtt:problem:unknown-listener-token', detail: 'not known here' }),
    };
    const chain = await buildChain({ directory });
    chain.receiver.answerWith(json(buildDocument()));
    await chain.chain.start();
    chain.receiver.answerWith(unknown);
    await chain.chain.refresh();
    expect({ told: chain.unknown(), refused: chain.refused, sources: chain.sources() }).toEqual({
      told: 1,
      refused: [],
      sources: ['orchestrator:7'],
    });
    expect(await chain.cache.read()).not.toBeNull();
    await chain.close();

    const restarted = await buildChain({ directory });
    restarted.receiver.answerWith(unknown);
    await restarted.chain.start();
    expect(restarted.sources()).toEqual(['last_known_good:7']);
    await restarted.close();

    const late = await buildChain({ directory, unknown_token_grace_ms: 0 });
    late.receiver.answerWith(unknown);
    await late.chain.start();
    expect([late.refused.length, late.sources(), await late.cache.read()]).toEqual([1, [], null]);
    await late.close();
  });

  it('rejects a document that cannot be used, names its fields, and keeps what is in force', async () => {
    const chain = await buildChain();
    chain.receiver.answerWith(json(buildDocument()));
    await chain.chain.start();
    chain.receiver.answerWith(
      json({ ...buildDocument({ revision: 8 }), brokers: [{ name: 'primary', host: 'x', port: 0 }] }),
    );
    await chain.chain.refresh();
    expect(chain.sources()).toEqual(['orchestrator:7']);
    expect(chain.rejected).toEqual([
      { revision: 8, reason: expect.stringContaining('brokers[0].port must be 1–65535') },
    ]);
    await chain.close();
  });
});
