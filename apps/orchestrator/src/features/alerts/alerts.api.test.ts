import { createHmac } from 'node:crypto';
import { buildStatusReport, type HttpReceiver, type ReceivedRequest, startHttpReceiver } from '@cortex-mqtt/testing';
import { buildTestApp, type Client, type TestApp } from '../../testing/build-test-app';
import { type Mailbox, startMailbox } from '../../testing/mailbox';
import { ensureDefaultRules } from './rules/alert-rule.store';

describe('alerts', () => {
  let test: TestApp;
  let admin: Client;
  let mailbox: Mailbox;
  let receiver: HttpReceiver;
  let sequence = 0;

  beforeAll(async () => {
    test = await buildTestApp();
    admin = await test.client('admin');
    mailbox = await startMailbox();
    receiver = await startHttpReceiver();
  });
  afterAll(async () => {
    await test.features.alerts.close();
    await test.close();
    await mailbox.close();
    await receiver.stop();
  });

  /** One look at everything, and every message that is due. */
  async function turn(): Promise<void> {
    await test.features.alerts.evaluator.turn();
    while ((await test.features.alerts.outbox.turn()) > 0);
  }

  async function report(product_id: number, overrides: Parameters<typeof buildStatusReport>[0] = {}): Promise<void> {
    const listener = await test.listener(product_id);
    sequence += 1;
    await listener('post', '/internal/mqtt-status')
      .send(buildStatusReport({ sequence, ...overrides }))
      .expect(200);
  }

  const down = { state: 'disconnected', reason: 'The broker refused the password.', connected_at: null } as const;
  const broker = (host: string) => ({ broker: { name: 'primary', host, port: 1883 } });

  const email = (name: string) => ({
    name,
    type: 'email',
    to: 'on-call@example.com',
    from: 'cortex@example.com',
    smtp_host: '127.0.0.1',
    smtp_port: mailbox.port,
    smtp_security: 'none',
  });

  async function create(path: string, body: object): Promise<{ id: number }> {
    const answer = await admin('post', `/api/v1/${path}`).send(body);
    expect([answer.status, answer.body]).toEqual([201, expect.anything()]);
    return answer.body;
  }

  it('tells of a broken connection by e-mail, acknowledges by a link, and tells when it is over', async () => {
    const { id, name } = await test.product();
    await report(id, broker('one.example.com'));
    const channel = await create('alert-channels', email('first'));
    const rule = await create('alert-rules', {
      name: 'Not connected',
      kind: 'not_connected',
      product_ids: [id],
      for_s: 0,
      keep_firing_for_s: 0,
      severity: 'critical',
      channel_ids: [channel.id],
      runbook_url: 'https://wiki.example.com/broker',
    });
    await turn();
    expect(mailbox.mails).toHaveLength(0);

    await report(id, { ...down, ...broker('one.example.com') });
    await turn();
    const { body: open } = await admin('get', `/api/v1/incidents?state=firing&product_id=${id}`).expect(200);
    expect(open.items).toMatchObject([
      {
        state: 'firing',
        kind: 'not_connected',
        severity: 'critical',
        title: `${name}: not connected`,
        rule_id: rule.id,
      },
    ]);
    const [incident] = open.items;
    await test.dataSource.query('UPDATE alert_outbox SET next_try_at = now()');
    await turn();
    expect(mailbox.mails).toHaveLength(1);
    const mail = decode(mailbox.mails[0]);
    expect(mail).toContain(`[critical] ${name}: not connected`);
    expect(mail).toContain('The broker refused the password.');
    expect(mail).toContain(`http://localhost:8004/alerts/incidents/${incident.id}`);
    expect(mail).toContain('https://wiki.example.com/broker');

    // Looking at the link, as programs in between do, acknowledges nothing.
    const [link] = /\/api\/v1\/incident-links\/[\w-]+\.[\w-]+/.exec(mail) ?? [];
    const asked = await test.anonymous('get', link ?? '').expect(200);
    expect(asked.text).toContain('<button');
    expect((await admin('get', `/api/v1/incidents/${incident.id}`)).body.state).toBe('firing');
    await test.anonymous('post', link ?? '').expect(200);
    await test.anonymous('post', link ?? '').expect(410);
    await test.anonymous('post', `${link?.slice(0, -2)}xx`).expect(410);
    const { body: acknowledged } = await admin('get', `/api/v1/incidents/${incident.id}`).expect(200);
    expect(acknowledged).toMatchObject({ state: 'acknowledged', acknowledged_by: 'link in first' });

    await report(id, broker('one.example.com'));
    await turn();
    const { body: resolved } = await admin('get', `/api/v1/incidents/${incident.id}`).expect(200);
    expect(resolved).toMatchObject({ state: 'resolved', resolved_at: expect.any(String) });
    expect(resolved.timeline.map(({ type }: { type: string }) => type)).toEqual([
      'opened',
      'notified',
      'acknowledged',
      'resolved',
      'notified',
    ]);
    expect(mailbox.mails).toHaveLength(2);
    expect(decode(mailbox.mails[1])).toContain(`Resolved: ${name}: not connected`);
    await admin('delete', `/api/v1/alert-rules/${rule.id}`).expect(204);
  });

  it('makes one incident and one message of one broker that is down for many products', async () => {
    const key = Buffer.from('a key of twenty-four byt').toString('base64');
    const channel = await create('alert-channels', {
      name: 'signed',
      type: 'webhook',
      url: `${receiver.url}/hook`,
      signing_secret: `whsec_${key}`,
    });
    const products = [];
    for (let index = 0; index < 5; index += 1) products.push(await test.product());
    const product_ids = products.map(({ id }) => id);
    const rule = await create('alert-rules', {
      name: 'Not connected',
      kind: 'not_connected',
      product_ids,
      for_s: 0,
      keep_firing_for_s: 0,
      channel_ids: [channel.id],
    });
    for (const id of product_ids) await report(id, { ...down, ...broker('shared.example.com') });
    await turn();
    const { body } = await admin('get', '/api/v1/incidents?state=open').expect(200);
    expect(body.items).toMatchObject([
      { product_count: 5, title: 'Broker shared.example.com:1883: not connected for 5 products' },
    ]);
    // The first message waits for those that find the same cause a little later.
    expect(receiver.count()).toBe(0);
    await test.dataSource.query('UPDATE alert_outbox SET next_try_at = now()');
    await turn();
    expect(receiver.count()).toBe(1);
    const [request] = receiver.requests;
    const { headers = {}, text = '' } = (request ?? {}) as Partial<ReceivedRequest>;
    const signature = createHmac('sha256', Buffer.from(key, 'base64'))
      .update(`${headers['webhook-id']}.${headers['webhook-timestamp']}.${text}`)
      .digest('base64');
    expect(headers['webhook-signature']).toBe(`v1,${signature}`);
    expect(request?.json()).toMatchObject({ type: 'incident.opened', data: { product_count: 5, severity: 'warning' } });

    const [last, ...others] = product_ids;
    for (const id of others) await report(id, broker('shared.example.com'));
    await turn();
    expect((await admin('get', '/api/v1/incidents?state=open')).body.total).toBe(1);
    await report(last as number, broker('shared.example.com'));
    await turn();
    expect((await admin('get', '/api/v1/incidents?state=open')).body.total).toBe(0);
    expect(receiver.requests.map((each) => each.json<{ type: string }>().type)).toEqual([
      'incident.opened',
      'incident.resolved',
    ]);
    await admin('delete', `/api/v1/alert-rules/${rule.id}`).expect(204);
  });

  it('sends what a channel did not take once it does, in order, and shows why it waited', async () => {
    const { id } = await test.product();
    const channel = await create('alert-channels', email('refusing'));
    const fields = {
      kind: 'revision_drift',
      product_ids: [id],
      for_s: 0,
      keep_firing_for_s: 0,
      channel_ids: [channel.id],
    };
    const rule = await create('alert-rules', { name: 'Drift', ...fields });
    mailbox.refuse(true);
    const before = mailbox.mails.length;
    await report(id, { applied_revision: 7 });
    await turn();
    await report(id, { applied_revision: 1 });
    await turn();
    const { body: waiting } = await admin('get', `/api/v1/alert-channels/${channel.id}`).expect(200);
    expect(waiting).toMatchObject({ waiting: 2, last_error: expect.stringContaining('mailbox unavailable') });
    mailbox.refuse(false);
    for (let round = 0; round < 2; round += 1) {
      await test.dataSource.query('UPDATE alert_outbox SET next_try_at = now() WHERE sent_at IS NULL');
      await turn();
    }
    const subjects = mailbox.mails.slice(before).map((mail) => /^Subject: (.*)$/m.exec(mail)?.[1]);
    expect(subjects).toEqual([expect.stringMatching(/^\[warning\] /), expect.stringMatching(/^Resolved: /)]);
    await admin('delete', `/api/v1/alert-rules/${rule.id}`).expect(204);
  });

  it('answers what the other side says to a test message, and never a secret', async () => {
    receiver.answerWith({ status: 403, body: 'invalid_token' });
    const slack = await create('alert-channels', {
      name: 'slack',
      type: 'slack',
      url: `${receiver.url}/services/T0/B0/secret`,
    });
    const refused = await admin('post', `/api/v1/alert-channels/${slack.id}/test`).expect(200);
    expect(refused.body).toMatchObject({ delivered: false, status: '403', answer: 'invalid_token' });
    receiver.answerWith({ status: 200, body: 'ok' });
    const taken = await admin('post', `/api/v1/alert-channels/${slack.id}/test`).expect(200);
    expect(taken.body).toMatchObject({ delivered: true, status: '200', answer: 'ok', error: null });
    const read = await admin('get', `/api/v1/alert-channels/${slack.id}`).expect(200);
    expect(read.body).toMatchObject({ destination: receiver.url, secrets_set: ['url'], settings: {} });
    const logs = await admin('get', '/api/v1/audit-logs').expect(200);
    for (const { text } of [read, logs]) expect(text).not.toContain('/services/T0/B0/secret');
  });

  it('keeps a stored secret from following to another place', async () => {
    const channel = await create('alert-channels', {
      name: 'moved',
      type: 'webhook',
      url: `${receiver.url}/a`,
      token: 'secret token',
    });
    const moved = await admin('patch', `/api/v1/alert-channels/${channel.id}`)
      .send({ url: 'https://elsewhere.example.com/' })
      .expect(400);
    expect(moved.body.errors).toEqual([expect.objectContaining({ field: 'token' })]);
    await admin('patch', `/api/v1/alert-channels/${channel.id}`)
      .send({ url: `${receiver.url}/b` })
      .expect(200);
  });

  it('reaches nothing that the egress policy refuses', async () => {
    const channel = await create('alert-channels', {
      name: 'inside',
      type: 'webhook',
      url: 'http://169.254.169.254/latest',
    });
    const { body } = await admin('post', `/api/v1/alert-channels/${channel.id}/test`).expect(200);
    expect(body).toMatchObject({
      delivered: false,
      error: expect.stringMatching(/link-local|metadata|not allowed|refused/i),
    });
  });

  it('fires nothing under maintenance, and once it is over', async () => {
    const { id } = await test.product();
    const rule = await create('alert-rules', {
      name: 'Drift',
      kind: 'revision_drift',
      product_ids: [id],
      for_s: 0,
      keep_firing_for_s: 0,
    });
    const window = await create('maintenance-windows', {
      name: 'upgrade',
      product_ids: [id],
      starts_at: new Date(Date.now() - 60_000).toISOString(),
      ends_at: new Date(Date.now() + 60_000).toISOString(),
    });
    await report(id, { applied_revision: 7 });
    await turn();
    expect((await admin('get', `/api/v1/incidents?product_id=${id}`)).body.total).toBe(0);
    await admin('delete', `/api/v1/maintenance-windows/${window.id}`).expect(204);
    await turn();
    expect((await admin('get', `/api/v1/incidents?product_id=${id}&state=firing`)).body.total).toBe(1);
    // A rule that is gone takes its incident with it.
    await admin('delete', `/api/v1/alert-rules/${rule.id}`).expect(204);
    await turn();
    expect((await admin('get', `/api/v1/incidents?product_id=${id}&state=resolved`)).body.total).toBe(1);
  });

  it('ends a maintenance window early, makes it longer, and turns it into a weekly one', async () => {
    const { id } = await test.product();
    const granted = await test.client('operator', [id]);
    const window = await create('maintenance-windows', {
      name: 'upgrade',
      product_ids: [id],
      starts_at: new Date(Date.now() - 60_000).toISOString(),
      ends_at: new Date(Date.now() + 60_000).toISOString(),
    });
    const path = `/api/v1/maintenance-windows/${window.id}`;
    const ended = await granted('patch', path)
      .send({ ends_at: new Date(Date.now() - 1_000).toISOString() })
      .expect(200);
    expect(ended.body).toMatchObject({ name: 'upgrade', product_ids: [id], repeats: 'once', active: false });
    const half = await granted('patch', path)
      .send({ days: [0] })
      .expect(400);
    expect(half.body.errors.map(({ field }: { field: string }) => field)).toEqual(['from', 'to']);
    const weekly = await granted('patch', path)
      .send({ days: [0], from: '22:00', to: '02:00' })
      .expect(200);
    expect(weekly.body).toMatchObject({ repeats: 'weekly', starts_at: null, days: [0], from: '22:00', to: '02:00' });
    // Nobody widens one to products that they have no grant for.
    await granted('patch', path).send({ all_products: true }).expect(403);
    await (await test.client('operator'))('patch', path).send({ name: 'x' }).expect(403);
    const { body } = await admin('get', '/api/v1/audit-logs').expect(200);
    expect(body.items[0]).toMatchObject({ action: 'maintenance_window.update' });
  });

  it('fires for messages that the archive lacks', async () => {
    const { id } = await test.product();
    const rule = await create('alert-rules', {
      name: 'Gaps',
      kind: 'archive_gap',
      product_ids: [id],
      for_s: 0,
      keep_firing_for_s: 0,
    });
    await test.dataSource.query(
      `INSERT INTO message_gaps (product_id, segment_id, from_at, to_at, messages, reason)
       VALUES ($1, 's', now(), now(), 12, 'buffer_full')`,
      [id],
    );
    // What happened is read every five seconds.
    await test.dataSource.query('SELECT pg_sleep(5.1)');
    await turn();
    const { body } = await admin('get', `/api/v1/incidents?product_id=${id}&state=firing`).expect(200);
    expect(body.items).toMatchObject([
      { kind: 'archive_gap', summary: expect.stringContaining('12 messages are missing from the archive.') },
    ]);
    await admin('delete', `/api/v1/alert-rules/${rule.id}`).expect(204);
    await turn();
  });

  it('keeps rules of a product’s subscriptions quiet while it is not connected', async () => {
    const { id, name } = await test.product();
    const at_once = { product_ids: [id], for_s: 0, keep_firing_for_s: 0 };
    const rules = [
      await create('alert-rules', { name: 'Not connected', kind: 'not_connected', ...at_once }),
      await create('alert-rules', { name: 'Silence', kind: 'silence', ...at_once }),
      await create('alert-rules', { name: 'Not resumed', kind: 'not_resumed', ...at_once }),
    ];
    const silent = [{ rule_id: rules[1]?.id ?? 0, key: '', last_message_at_ms: Date.now() - 10_000_000, limit_s: 30 }];
    const subscribed = { wanted: 3, granted: 1 };
    await report(id, { ...down, ...broker('quiet.example.com'), subscribed, silent });
    await turn();
    const firing = async (): Promise<string[]> =>
      (await admin('get', `/api/v1/incidents?product_id=${id}&state=open`)).body.items.map(
        ({ title }: { title: string }) => title,
      );
    expect(await firing()).toEqual([`${name}: not connected`]);
    await report(id, { ...broker('quiet.example.com'), subscribed, silent });
    await turn();
    expect((await firing()).sort()).toEqual([expect.stringMatching(/not resumed/i), expect.stringMatching(/silence/i)]);
    for (const rule of rules) await admin('delete', `/api/v1/alert-rules/${rule.id}`).expect(204);
    await turn();
  });

  it('calls the heartbeat URL after evaluations, once in its interval, and says why it failed', async () => {
    const settings = { heartbeat_url: `${receiver.url}/heartbeat`, heartbeat_every_s: 60 };
    await admin('put', '/api/v1/alert-settings').send(settings).expect(200);
    const beats = () => receiver.requests.filter(({ url }) => url === '/heartbeat').length;
    await test.features.alerts.heartbeat.beat();
    await test.features.alerts.heartbeat.beat();
    expect(beats()).toBe(1);
    receiver.answerWith({ status: 503, body: 'closed' });
    await test.dataSource.query(`UPDATE alert_settings SET heartbeat_sent_at = now() - interval '2 minutes'`);
    await test.features.alerts.heartbeat.beat();
    receiver.answerWith({});
    const { body } = await admin('get', '/api/v1/alert-settings').expect(200);
    expect(body).toMatchObject({ ...settings, heartbeat_error: 'it answered 503: closed' });
    await admin('put', '/api/v1/alert-settings').send({ heartbeat_url: null }).expect(200);
    await test.features.alerts.heartbeat.beat();
    expect(beats()).toBe(2);
  });

  it('lets operators act on incidents of granted products, with comments and a mute', async () => {
    const { id } = await test.product();
    const granted = await test.client('operator', [id]);
    const stranger = await test.client('operator');
    const rule = { name: 'Drift', kind: 'revision_drift', for_s: 0, keep_firing_for_s: 0 };
    await granted('post', '/api/v1/alert-rules')
      .send({ ...rule, all_products: true })
      .expect(403);
    await stranger('post', '/api/v1/alert-rules')
      .send({ ...rule, product_ids: [id] })
      .expect(403);
    const { body: made } = await granted('post', '/api/v1/alert-rules')
      .send({ ...rule, product_ids: [id] })
      .expect(201);
    await report(id, { applied_revision: 7 });
    await turn();
    const { body } = await granted('get', `/api/v1/incidents?product_id=${id}`).expect(200);
    const path = `/api/v1/incidents/${body.items[0].id}`;
    await stranger('post', `${path}/acknowledge`).expect(404);
    await stranger('get', path).expect(404);
    expect((await stranger('get', '/api/v1/incidents')).body.total).toBe(0);
    await granted('post', `${path}/comment`).send({ comment: 'looking at it' }).expect(200);
    await granted('post', `${path}/mute`).send({ until: '2020-01-01T00:00:00Z' }).expect(400);
    await granted('post', `${path}/mute`).send({ for_s: 3600 }).expect(200);
    const { body: acknowledged } = await granted('post', `${path}/acknowledge`).expect(200);
    expect(acknowledged).toMatchObject({ state: 'acknowledged', muted_until: expect.any(String) });
    const by_people = acknowledged.timeline.filter(({ actor }: { actor: string | null }) => actor !== null);
    expect(by_people.map(({ type }: { type: string }) => type)).toEqual(['commented', 'muted', 'acknowledged']);
    await granted('delete', `/api/v1/alert-rules/${made.id}`).expect(204);
    await turn();
    await granted('post', `${path}/acknowledge`).expect(409);
  });

  it('reminds of what lasts, and tells the next in line when nobody acknowledges', async () => {
    const { id } = await test.product();
    const first = await create('alert-channels', {
      name: 'reminded',
      type: 'webhook',
      url: `${receiver.url}/first`,
      reminder_every_s: 600,
    });
    const second = await create('alert-channels', {
      name: 'escalated',
      type: 'webhook',
      url: `${receiver.url}/second`,
      escalate_after_s: 900,
    });
    await create('alert-rules', {
      name: 'Drift',
      kind: 'revision_drift',
      product_ids: [id],
      for_s: 0,
      channel_ids: [first.id, second.id],
    });
    const told = () =>
      receiver.requests
        .filter(({ url }) => url === '/first' || url === '/second')
        .map((each) => `${each.url} ${each.json<{ type: string }>().type}`);
    await report(id, { applied_revision: 7 });
    await turn();
    await turn();
    expect(told()).toEqual(['/first incident.opened']);
    const age = (seconds: number) =>
      test.dataSource.query(
        `WITH i AS (UPDATE alert_incidents SET started_at = started_at - make_interval(secs => $1) WHERE resolved_at IS NULL)
         UPDATE alert_outbox SET created_at = created_at - make_interval(secs => $1)`,
        [seconds],
      );
    await age(601);
    await turn();
    expect(told().slice(1)).toEqual(['/first incident.reminder']);
    await age(400);
    await turn();
    expect(told().slice(2)).toEqual(['/second incident.escalated']);
    const { body } = await admin('get', `/api/v1/incidents?product_id=${id}`).expect(200);
    await admin('post', `/api/v1/incidents/${body.items[0].id}/acknowledge`).send({ comment: 'on it' }).expect(200);
    await age(3_600);
    await turn();
    expect(told()).toHaveLength(3);
  });

  it('finds in the past when a rule would have fired', async () => {
    const { id } = await test.product();
    const at = (minutes: number) => new Date(Math.floor(Date.now() / 60_000) * 60_000 - minutes * 60_000);
    const transition = (minutes: number, type: string) =>
      test.dataSource.query(
        `INSERT INTO connection_events (product_id, instance_id, at, type) VALUES ($1, '', $2, $3)`,
        [id, at(minutes), type],
      );
    await transition(500, 'online');
    await transition(300, 'offline');
    await transition(290, 'online');
    await transition(100, 'heartbeat_lost');
    await transition(96, 'online');
    const draft = { kind: 'not_connected', product_ids: [id], for_s: 60, keep_firing_for_s: 0 };
    const { body } = await admin('post', '/api/v1/alert-rules/preview').send(draft).expect(200);
    expect(body).toMatchObject({
      has_history: true,
      fired: 2,
      sentence: expect.stringContaining('would have fired 2 times'),
    });
    expect(body.firing_s).toBeGreaterThan(10 * 60);
    expect(body.firing_s).toBeLessThan(14 * 60);
    expect(body.points.length).toBeLessThan(800);
    const patient = await admin('post', '/api/v1/alert-rules/preview')
      .send({ ...draft, for_s: 360 })
      .expect(200);
    expect(patient.body.fired).toBe(1);
    const unknown = await admin('post', '/api/v1/alert-rules/preview').send({ kind: 'queue_age' }).expect(200);
    expect(unknown.body).toMatchObject({ has_history: false, fired: 0 });
  });

  it('makes one incident of devices that have gone silent, and asks listeners to watch for them', async () => {
    const { id } = await test.product();
    const rule = await create('alert-rules', {
      name: 'Devices',
      kind: 'silence',
      product_ids: [id],
      topic_parameter: 'device',
      threshold: 30,
      for_s: 0,
      keep_firing_for_s: 0,
    });
    const listener = await test.listener(id);
    const silent = ['a', 'b'].map((key) => ({
      rule_id: rule.id,
      key,
      last_message_at_ms: Date.now() - 40_000,
      limit_s: 30,
    }));
    const post = async (boot_id: string, series: object[]) =>
      (
        await listener('post', '/internal/mqtt-status')
          .send({ ...buildStatusReport({ boot_id, sequence: ++sequence }), silent: series })
          .expect(200)
      ).body;
    await test.dataSource.query('SELECT pg_sleep(2.1)');
    const reply = await post('first', silent);
    expect(reply.silence_watches).toMatchObject([{ rule_id: rule.id, parameter: 'device', limit_s: 30 }]);
    await turn();
    const { body } = await admin('get', `/api/v1/incidents?product_id=${id}&state=firing`).expect(200);
    const { body: incident } = await admin('get', `/api/v1/incidents/${body.items[0].id}`).expect(200);
    expect(body.total).toBe(1);
    expect(incident.members.map(({ series }: { series: string }) => series)).toEqual(['a', 'b']);
    expect(incident.summary).toContain('Nothing from device "a" since');
    // A listener that starts is told what was silent before.
    const restarted = await post('second', silent);
    expect(Object.keys(restarted.silence_watches[0].last_heard_ms)).toEqual(['a', 'b']);
    await post('second', []);
    await turn();
    expect((await admin('get', `/api/v1/incidents/${incident.id}`)).body.state).toBe('resolved');
  });

  it('refuses rules, channels and windows that mean nothing, field by field', async () => {
    const faults = async (path: string, body: object): Promise<string[]> =>
      (await admin('post', `/api/v1/${path}`).send(body).expect(400)).body.errors.map(
        ({ field }: { field: string }) => field,
      );
    expect(await faults('alert-rules', { name: 'x', kind: 'failure_rate', threshold: 5 })).toEqual(['threshold']);
    expect(await faults('alert-rules', { name: 'x', kind: 'failure_rate', resolve_threshold: 0.5 })).toEqual([
      'resolve_threshold',
    ]);
    expect(await faults('alert-rules', { name: 'x', kind: 'queue_age', topic_parameter: 'device' })).toEqual([
      'topic_parameter',
    ]);
    expect(await faults('alert-rules', { name: 'x', kind: 'not_connected', channel_ids: [999_999] })).toEqual([
      'channel_ids[0]',
    ]);
    expect(await faults('alert-channels', { name: 'x', type: 'email', to: 'nobody' })).toEqual(
      expect.arrayContaining(['from', 'smtp_host', 'to[0]']),
    );
    expect(await faults('alert-channels', { name: 'x', type: 'slack', url: 'ftp://x' })).toEqual(['url']);
    expect(await faults('alert-channels', { name: 'x', type: 'ntfy', url: 'https://ntfy.sh', chat_id: '1' })).toEqual(
      expect.arrayContaining(['chat_id', 'url']),
    );
    expect(await faults('maintenance-windows', { name: 'x', days: [1], from: '22:00' })).toEqual(['to']);
  });

  it('makes the default rules once, and not again what was deleted', async () => {
    await test.dataSource.query('DELETE FROM alert_rules');
    await ensureDefaultRules(test.dataSource);
    const { body } = await admin('get', '/api/v1/alert-rules').expect(200);
    expect(body.items.map(({ kind }: { kind: string }) => kind)).toEqual(
      expect.arrayContaining(['not_connected', 'failure_rate', 'dead_letters']),
    );
    await admin('delete', `/api/v1/alert-rules/${body.items[0].id}`).expect(204);
    await ensureDefaultRules(test.dataSource);
    expect((await admin('get', '/api/v1/alert-rules')).body.total).toBe(body.total - 1);
  });
});

/** Quoted-printable as text. */
function decode(mail = ''): string {
  return mail
    .replace(/=\r\n/g, '')
    .replace(/=([0-9A-F]{2})/g, (_match, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
