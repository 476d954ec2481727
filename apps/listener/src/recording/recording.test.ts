import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ListenerArchive } from '@cortex-mqtt/contracts';
import { createExpressionEngine } from '@cortex-mqtt/expressions';
import { decodeSegment, expandSegment, type Segment } from '@cortex-mqtt/messages';
import { waitFor } from '@cortex-mqtt/testing';
import {
  buildAction,
  buildGatedAction,
  buildMessage,
  buildPipeline,
  buildPlan,
  buildSubscription,
} from '../pipeline/pipeline.testing';
import { MessageRecorder } from './message-recorder';
import { createRedaction } from './redaction';
import { createSegmentSender, type PostResult } from './segment-sender';
import { createSegmentSpool } from './segment-spool';

const silent = { error: () => {}, warn: () => {}, info: () => {}, debug: () => {} };
const logger = { ...silent, child: () => logger, isEnabled: () => false } as never;

const ARCHIVE: ListenerArchive = {
  enabled: true,
  scope: 'matched',
  filters: [],
  max_payload_bytes: 1_000,
  redact: null,
  before_ack: false,
  paused: [],
};

describe('the recording of messages', () => {
  const engine = createExpressionEngine();
  let directory: string;
  let posted: Segment[];
  let raw: Buffer[];
  let answer: PostResult;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'recording-'));
    posted = [];
    raw = [];
    answer = 'stored';
  });
  afterEach(() => rmSync(directory, { recursive: true }));
  afterAll(() => engine.stop());

  function build({
    archive = {},
    memory_bytes = 1_000_000,
    before = async () => {},
  }: {
    archive?: Partial<ListenerArchive>;
    memory_bytes?: number;
    /** What a post waits for. */
    before?: () => Promise<void>;
  } = {}) {
    const post = async (bytes: Buffer): Promise<PostResult> => {
      await before();
      if (answer === 'stored') {
        raw.push(bytes);
        posted.push(decodeSegment(await expandSegment(bytes)));
      }
      return answer;
    };
    const sender = createSegmentSender({
      post,
      spool: createSegmentSpool({ directory, secret: 'token', max_bytes: 1_000_000, logger }),
      onLost: () => {},
      logger,
      limits: { memory_bytes, retry_min_ms: 5, retry_max_ms: 20 },
    });
    const recorder = new MessageRecorder({
      sender,
      redact: createRedaction({ engine, product_id: 1, logger }),
      logger,
      limits: { segment_ms: 20 },
    });
    recorder.use({ ...ARCHIVE, ...archive }, [{ topic_filter: 'orders/created' }]);
    return { sender, recorder };
  }
  const all = () => posted.flatMap(({ messages }) => messages);

  it('writes a message with the outcomes known by then, and what comes later as an outcome of its own', async () => {
    const { recorder, sender } = build();
    const gated = buildGatedAction();
    const plan = buildPlan([
      buildSubscription({ id: 1, actions: [gated.action] }),
      buildSubscription({ id: 2, filter: () => false }),
      buildSubscription({ id: 3, actions: [buildAction()] }),
    ]);
    const pipeline = buildPipeline({ plan, recorder });
    pipeline.accept(buildMessage({ text: '{"n":1}' }));
    await waitFor(() => posted.length === 1);
    const [message] = all();
    expect(message?.payload.toString()).toBe('{"n":1}');
    expect(message?.deliveries.map(({ subscription_id, outcome }) => [subscription_id, outcome])).toEqual([
      [1, 'waiting'],
      [2, 'filtered'],
      [3, 'succeeded'],
    ]);
    gated.finish(0);
    await waitFor(() => posted.length === 2);
    expect(posted[1]?.outcomes).toMatchObject([{ message_id: message?.id, subscription_id: 1, outcome: 'succeeded' }]);
    await sender.stop(100);
  });

  it('cuts payloads, takes out what is redacted, and keeps nothing of what it can’t look into', async () => {
    const { recorder, sender } = build({
      archive: {
        max_payload_bytes: 40,
        redact: { paths: ['payload.card.number', 'payload.items.*.iban', 'user_properties.n'], expression: null },
      },
    });
    const pipeline = buildPipeline({ plan: buildPlan([buildSubscription()]), recorder });
    pipeline.accept(buildMessage({ text: '{"card":{"number":"4111"},"items":[{"iban":"DE1"}]}' }));
    pipeline.accept(buildMessage({ text: 'not JSON 4111' }));
    pipeline.accept(buildMessage({ text: '{"card":7}' }));
    await waitFor(() => all().length === 3);
    expect(all().map(({ payload }) => payload.toString())).toEqual([
      '{"card":{"number":"[redacted]"},"items":[{"iban":"[redacted]"}]}'.slice(0, 40),
      '',
      '{"card":7}',
    ]);
    expect(all()[0]?.properties?.user_properties).toEqual({ n: '[redacted]' });
    const expanded = await Promise.all(raw.map(expandSegment));
    expect(expanded.some((bytes) => bytes.includes('4111') || bytes.includes('DE1'))).toBe(false);
    await sender.stop(100);
  });

  it('acknowledges only what is stored when the product wants it so', async () => {
    answer = 'later';
    const { recorder, sender } = build({ archive: { before_ack: true } });
    const pipeline = buildPipeline({ plan: buildPlan([buildSubscription()]), recorder });
    const message = buildMessage();
    pipeline.accept(message);
    await pipeline.drain();
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(message.isSettled).toBe(false);
    answer = 'stored';
    await waitFor(() => message.isSettled);
    expect(all()).toHaveLength(1);
    await sender.stop(100);
  });

  it('keeps on disk what can’t be sent, unreadable to others, and sends it in its next life', async () => {
    answer = 'later';
    const first = build();
    const pipeline = buildPipeline({ plan: buildPlan([buildSubscription()]), recorder: first.recorder });
    pipeline.accept(buildMessage({ text: '{"secret":"canary"}' }));
    await first.recorder.flush();
    await first.sender.stop(10);
    const files = readdirSync(directory);
    expect(files).toHaveLength(1);
    expect(readFileSync(join(directory, files[0] as string)).includes('canary')).toBe(false);
    answer = 'stored';
    const second = build();
    await waitFor(() => all().length === 1);
    await waitFor(() => readdirSync(directory).length === 0);
    await second.sender.stop(100);
  });

  it('counts what has no room as a gap', async () => {
    let free: () => void = () => {};
    answer = 'stored';
    const { recorder, sender } = build({
      memory_bytes: 200,
      before: () => new Promise<void>((resolve) => (free = resolve)),
    });
    const pipeline = buildPipeline({ plan: buildPlan([buildSubscription()]), recorder });
    pipeline.accept(buildMessage({ text: JSON.stringify({ filler: Array.from({ length: 60 }, Math.random) }) }));
    await recorder.flush();
    await waitFor(() => sender.isFull);
    for (let n = 0; n < 7; n += 1) pipeline.accept(buildMessage());
    free();
    await waitFor(() => {
      free();
      return posted.some(({ gaps }) => gaps.length > 0);
    });
    const left_out = posted.flatMap(({ gaps }) => gaps).reduce((sum, { messages }) => sum + (messages ?? 0), 0);
    expect(left_out).toBe(7);
    expect(all()).toHaveLength(1);
    await sender.stop(100);
  });

  it('has nothing but dead ones where only those are wanted', async () => {
    const { recorder, sender } = build({ archive: { scope: 'dead' } });
    const failing = buildAction(() => ({ kind: 'failed', error: 'no', permanent: true }));
    const pipeline = buildPipeline({
      plan: buildPlan([buildSubscription({ actions: [failing] })], {
        route: () => [buildSubscription({ actions: [failing] })],
      }),
      recorder,
    });
    const delivered = buildPipeline({ plan: buildPlan([buildSubscription()]), recorder });
    delivered.accept(buildMessage({ text: '"fine"' }));
    pipeline.engine.overflow = {
      watch: () => {},
      offer: () => {},
      park: () => null,
      looked: () => undefined,
      withdraw: () => true,
      bury: (delivery) => pipeline.engine.onBuried(delivery),
      finished: () => {},
    };
    pipeline.accept(buildMessage({ text: '"dead"' }));
    await waitFor(() => all().length === 1);
    expect(all()[0]).toMatchObject({ deliveries: [{ outcome: 'dead', error: 'no' }] });
    expect(all()[0]?.payload.toString()).toBe('"dead"');
    await sender.stop(100);
  });
});
