import { buildCounters, buildStatusReport } from '@cortex-mqtt/testing';
import { validateShape } from '@cortex-mqtt/contracts';
import { withKnownCounters, withoutBadFigures } from './report-figures';
import { StatusReportDto } from './status-report.dto';

function read(body: object): StatusReportDto {
  const result = validateShape(StatusReportDto, withoutBadFigures(JSON.parse(JSON.stringify(body))));
  if (!result.ok) throw new Error(JSON.stringify(result.faults));
  return result.value;
}

it('leaves a good report as it is', () => {
  const report = buildStatusReport({
    counters: buildCounters({ actions_attempted: 3, actions_executed: 2, actions_failed: 1 }),
  });
  expect(read(report)).toEqual(report);
});

it('takes a report with bad figures, without them, and names them', () => {
  const report = read(
    buildStatusReport({
      in_flight: -30,
      queue_depth: -1,
      oldest_queued_ms: -5,
      counters: buildCounters({ messages_received: 12, deliveries_started: -4 }),
      delta: {
        sequence: 1,
        subscriptions: [
          { subscription_id: 1, messages_received: 5, actions_executed: -1, actions_failed: 0, last_message_at: null },
        ],
        events: [],
      },
    }),
  );
  expect(report).toMatchObject({ in_flight: 0, queue_depth: null, oldest_queued_ms: null, state: 'connected' });
  expect(report.delta.subscriptions).toMatchObject([{ messages_received: 5, actions_executed: 0 }]);
  expect(report.warnings).toEqual([
    { code: 'FIGURE_DROPPED', message: expect.stringMatching(/in_flight \(-30\).*deliveries_started \(-4\)/) },
  ]);
  const before = buildStatusReport({ counters: buildCounters({ deliveries_started: 9 }) });
  expect(withKnownCounters(report, before).counters).toMatchObject({ deliveries_started: 9, messages_received: 12 });
  expect(withKnownCounters(report, null).counters.deliveries_started).toBe(0);
});

it('reads the counters of listeners that have the failed attempts among the executed ones', () => {
  const { actions_attempted: _none, ...counters } = buildCounters({ actions_executed: 10, actions_failed: 4 });
  const item = {
    subscription_id: 1,
    messages_received: 3,
    actions_executed: 3,
    actions_failed: 1,
    last_message_at: null,
  };
  const report = read({
    ...buildStatusReport(),
    counters,
    delta: { sequence: 1, subscriptions: [item], events: [] },
  });
  expect(report.counters).toMatchObject({ actions_attempted: 10, actions_executed: 6, actions_failed: 4 });
  expect(report.delta.subscriptions).toMatchObject([{ actions_attempted: 3, actions_executed: 2, actions_failed: 1 }]);
});

it('still refuses what is no report', () => {
  const result = validateShape(
    StatusReportDto,
    withoutBadFigures({ ...buildStatusReport(), instance_id: 'a b', state: 'x' }),
  );
  expect(result).toMatchObject({ ok: false, faults: [{ field: 'instance_id' }, { field: 'state' }] });
});
