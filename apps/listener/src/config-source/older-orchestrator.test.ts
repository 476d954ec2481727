import { type HttpReceiver, startHttpReceiver } from '@cortex-mqtt/testing';
import { createOrchestratorClient, type OrchestratorClient, OrchestratorRefusedError } from './orchestrator-client';

const refusal = (fields: string[], message = 'is not a known field') => ({
  status: 400,
  body: JSON.stringify({ detail: 'refused', errors: fields.map((field) => ({ field, message })) }),
});

describe('an orchestrator that is older than the listener', () => {
  let receiver: HttpReceiver;
  let client: OrchestratorClient;
  const report = { instance_id: 'one', brokers: [], delta: { events: [{ type: 'a', cause: 'x' }] } } as never;
  const bodies = () => receiver.requests.map(({ body }) => JSON.parse(body.toString()) as unknown);

  beforeEach(async () => {
    receiver = await startHttpReceiver();
    client = createOrchestratorClient({ url: receiver.url, token: 'cml_token', instance_id: 'one' });
  });
  afterEach(async () => {
    await client.close();
    await receiver.stop();
  });

  it('is told again without the fields that it does not know, and from then on', async () => {
    const answers = [refusal(['brokers', 'delta.events[0].cause']), { status: 200, body: '{"role":"active"}' }];
    receiver.answerWith(() => answers.shift() ?? { status: 200, body: '{"role":"active"}' });
    const known = { instance_id: 'one', delta: { events: [{ type: 'a' }] } };
    expect(await client.postStatus(report)).toEqual({ role: 'active' });
    await client.postStatus(report);
    expect(bodies()).toEqual([report, known, known]);
  });

  it('is not told again what it refuses for another reason', async () => {
    receiver.answerWith(refusal(['state'], 'must be one of a, b'));
    await expect(client.postStatus(report)).rejects.toThrow(OrchestratorRefusedError);
    expect(receiver.requests).toHaveLength(1);
  });
});
