import { type HttpReceiver, type Mosquitto, startHttpReceiver, startMosquitto, waitFor } from '@cortex-mqtt/testing';
import { connectAsync } from 'mqtt';
import { buildStatusReport } from '@cortex-mqtt/testing';
import { buildTestApp, type Client, type TestApp } from '../../../testing/build-test-app';

/** What each service documents of its requests, as far as we use it. */
describe('channels', () => {
  let test: TestApp;
  let admin: Client;
  let receiver: HttpReceiver;
  let broker: Mosquitto;
  let product: { id: number; name: string };
  const received: string[] = [];

  beforeAll(async () => {
    [test, receiver, broker] = await Promise.all([
      buildTestApp(),
      startHttpReceiver({ answer: { status: 202, body: '{}' } }),
      startMosquitto(),
    ]);
    admin = await test.client('admin');
    product = await test.product();
    const subscriber = await connectAsync(broker.url, { protocolVersion: 5 });
    subscriber.on('message', (_topic, payload) => received.push(payload.toString()));
    await subscriber.subscribeAsync('alerts/+', { qos: 1 });
    for (const channel of [
      { type: 'teams', url: `${receiver.url}/teams` },
      { type: 'discord', url: `${receiver.url}/discord` },
      { type: 'pagerduty', url: `${receiver.url}/pagerduty`, routing_key: 'R0123456789ABCDEF0123456789ABCDE' },
      { type: 'alertmanager', url: `${receiver.url}/am/`, username: 'us', password: 'pw' },
      { type: 'ntfy', url: `${receiver.url}/ntfy/orders`, token: 'tk_secret' },
      { type: 'telegram', url: receiver.url, token: '123456:ABC-def', chat_id: '-100200' },
      { type: 'mqtt', url: broker.url, topic: 'alerts/orders' },
      { type: 'slack', url: `${receiver.url}/critical-only`, severities: ['critical'] },
      { type: 'slack', url: `${receiver.url}/other-product`, product_ids: [(await test.product()).id] },
      { type: 'slack', url: `${receiver.url}/other-team`, labels: { team: 'billing' } },
      { type: 'slack', url: `${receiver.url}/our-team`, labels: { team: 'orders' }, send_resolved: false },
    ]) {
      const name = `${channel.type} ${channel.url}`;
      const made = await admin('post', '/api/v1/alert-channels').send({ name, ...channel });
      expect([made.status, made.body]).toEqual([201, expect.anything()]);
    }
    await admin('post', '/api/v1/alert-rules')
      .send({
        name: 'Drift <&> *',
        kind: 'revision_drift',
        product_ids: [product.id],
        ...{ for_s: 0, keep_firing_for_s: 0, severity: 'warning' },
        labels: { team: 'orders' },
        runbook_url: 'https://wiki.example.com/drift',
      })
      .expect(201);
    await incident(7);
    await incident(1);
    await subscriber.endAsync();
  });
  afterAll(async () => {
    await test.features.alerts.close();
    await test.close();
    await receiver.stop();
    await broker.stop();
  });

  let sequence = 0;
  /** A revision that is not the wanted one opens the incident, the wanted one ends it. */
  async function incident(applied_revision: number): Promise<void> {
    const listener = await test.listener(product.id);
    sequence += 1;
    await listener('post', '/internal/mqtt-status').send(buildStatusReport({ sequence, applied_revision })).expect(200);
    await test.features.alerts.evaluator.turn();
    // A first message waits for more of the same cause.
    await test.dataSource.query('UPDATE alert_outbox SET next_try_at = now() WHERE sent_at IS NULL');
    while ((await test.features.alerts.outbox.turn()) > 0);
  }

  /** Opened, then resolved. */
  const sent = (path: string) => receiver.requests.filter(({ url }) => url === path);
  const bodies = <T>(path: string): T[] => sent(path).map((request) => request.json<T>());

  it('post an adaptive card to Microsoft Teams', () => {
    type Card = {
      attachments: {
        contentType: string;
        content: { version: string; body: Record<string, unknown>[]; actions: object[] };
      }[];
    };
    const [opened, resolved] = bodies<{ type: string } & Card>('/teams');
    expect(opened).toMatchObject({
      type: 'message',
      attachments: [
        {
          contentType: 'application/vnd.microsoft.card.adaptive',
          content: {
            type: 'AdaptiveCard',
            version: '1.4',
            body: expect.arrayContaining([
              expect.objectContaining({
                type: 'TextBlock',
                color: 'Warning',
                text: expect.stringContaining(product.name),
              }),
              expect.objectContaining({
                type: 'FactSet',
                facts: expect.arrayContaining([{ title: 'Severity', value: 'warning' }]),
              }),
            ]),
            actions: expect.arrayContaining([
              { type: 'Action.OpenUrl', title: 'Runbook', url: 'https://wiki.example.com/drift' },
              { type: 'Action.OpenUrl', title: 'Acknowledge', url: expect.stringContaining('/api/v1/incident-links/') },
            ]),
          },
        },
      ],
    });
    expect(resolved?.attachments[0]?.content.body[0]).toMatchObject({ color: 'Good' });
  });

  it('post an embed to Discord that calls nobody', () => {
    const [opened, resolved] = bodies<{ embeds: { color: number }[] }>('/discord');
    expect(opened).toMatchObject({
      allowed_mentions: { parse: [] },
      embeds: [
        {
          title: expect.stringContaining('[warning]'),
          url: expect.stringContaining('/alerts/incidents/'),
          color: 0xe67700,
          timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
          fields: expect.arrayContaining([{ name: 'team', value: 'orders', inline: true }]),
        },
      ],
    });
    expect(resolved?.embeds[0]?.color).toBe(0x2b8a3e);
  });

  it('trigger and resolve one PagerDuty alert by the same key', () => {
    const [opened, resolved] = bodies<{ event_action: string; dedup_key: string }>('/pagerduty');
    expect(opened).toMatchObject({
      routing_key: 'R0123456789ABCDEF0123456789ABCDE',
      event_action: 'trigger',
      dedup_key: expect.stringMatching(/^cortex-mqtt-incident-\d+$/),
      client: 'cortex-mqtt',
      links: expect.arrayContaining([{ href: 'https://wiki.example.com/drift', text: 'Runbook' }]),
      payload: {
        summary: expect.stringContaining(product.name),
        source: product.name,
        severity: 'warning',
        timestamp: expect.stringMatching(/Z$/),
        class: 'revision_drift',
      },
    });
    expect(resolved).toMatchObject({ event_action: 'resolve', dedup_key: opened?.dedup_key });
  });

  it('post alerts to Alertmanager whose labels stay the same to the end', () => {
    const [opened, resolved] = bodies<Record<string, unknown>[]>('/am/api/v2/alerts');
    const [alert] = opened ?? [];
    expect(alert).toMatchObject({
      labels: {
        alertname: 'CortexMqtt_revision_drift',
        severity: 'warning',
        product: product.name,
        team: 'orders',
        incident: expect.stringMatching(/^\d+$/),
      },
      annotations: { runbook_url: 'https://wiki.example.com/drift', summary: expect.any(String) },
      startsAt: expect.stringMatching(/Z$/),
      generatorURL: expect.stringContaining('/alerts/incidents/'),
    });
    expect(Date.parse(String(alert?.endsAt))).toBeGreaterThan(Date.now());
    expect(resolved?.[0]).toMatchObject({ labels: alert?.labels as object, startsAt: alert?.startsAt });
    expect(Date.parse(String(resolved?.[0]?.endsAt))).toBeLessThanOrEqual(Date.now());
    expect(sent('/am/api/v2/alerts')[0]?.headers.authorization).toBe(
      `Basic ${Buffer.from('us:pw').toString('base64')}`,
    );
  });

  it('publish to ntfy as JSON at the server, with the topic in it', () => {
    const [opened, resolved] = bodies<Record<string, unknown>>('/ntfy/');
    expect(opened).toMatchObject({
      topic: 'orders',
      title: expect.stringContaining('[warning]'),
      priority: 4,
      tags: ['warning'],
      click: expect.stringContaining('/alerts/incidents/'),
      actions: expect.arrayContaining([expect.objectContaining({ action: 'view', label: 'Acknowledge' })]),
    });
    // ntfy takes three actions at most.
    expect(opened?.actions).toHaveLength(3);
    expect(resolved).toMatchObject({ priority: 2, tags: ['white_check_mark'] });
    expect(sent('/ntfy/')[0]?.headers.authorization).toBe('Bearer tk_secret');
  });

  it('send Telegram a text without markup, within its length', () => {
    const [opened] = bodies<{ text: string }>('/bot123456:ABC-def/sendMessage');
    expect(opened).toMatchObject({ chat_id: '-100200', disable_web_page_preview: true });
    expect(opened).not.toHaveProperty('parse_mode');
    expect(opened?.text).toContain('Acknowledge: http');
    expect(opened?.text.length).toBeLessThanOrEqual(4_096);
  });

  it('publish to an MQTT topic what a webhook gets, with a key for each message', async () => {
    await waitFor(() => received.length === 2);
    const [opened, resolved] = received.map((text) => JSON.parse(text) as { key: string; data: { id: number } });
    expect(opened).toMatchObject({
      type: 'incident.opened',
      data: { kind: 'revision_drift', severity: 'warning', products: [{ id: product.id, name: product.name }] },
    });
    expect(resolved).toMatchObject({ type: 'incident.resolved', data: { id: opened?.data.id } });
    expect(resolved?.key).not.toBe(opened?.key);
  });

  it('hear only of what their routes take: severity, product, label', () => {
    for (const path of ['/critical-only', '/other-product', '/other-team']) expect(sent(path)).toHaveLength(0);
    // It wants no word of the end.
    expect(sent('/our-team')).toHaveLength(1);
  });
});
