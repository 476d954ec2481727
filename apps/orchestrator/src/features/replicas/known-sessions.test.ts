import { buildStatusReport } from '@cortex-mqtt/testing';
import type { BrokerReport, ReportedSession } from '@cortex-mqtt/contracts';
import { sessionsAfter, sessionsToTell } from './known-sessions';

const NOW = new Date('2030-01-01T12:00:00.000Z');
const ago = (hours: number): string => new Date(NOW.getTime() - hours * 3_600_000).toISOString();

function buildBrokerReport(overrides: Partial<BrokerReport> = {}): BrokerReport {
  const { state_since, reason, reason_code, advice, connected_at, disconnected_at, recovery, subscribed } =
    buildStatusReport();
  return {
    ...{ name: 'primary', host: 'a.example.com', port: 1883, state: 'connected', client_id: 'client', state_since },
    ...{ reason, reason_code, advice, connected_at, disconnected_at, recovery, subscribed },
    session: { expiry_s: 3_600 },
    ...overrides,
  };
}

const buildKnown = (overrides: Partial<ReportedSession> = {}): ReportedSession => ({
  ...{ host: 'a.example.com', port: 1883, client_id: 'client', seen_at: ago(0.5), expiry_s: 3_600 },
  ...overrides,
});
const after = (known: ReportedSession[], ...brokers: BrokerReport[]) =>
  sessionsAfter(known, buildStatusReport({ brokers }), NOW);

describe('what is known of sessions at brokers', () => {
  it('is what the last report of a connection to them says', () => {
    expect(after([buildKnown()], buildBrokerReport())).toEqual([buildKnown({ seen_at: NOW.toISOString() })]);
    expect(after([buildKnown()], buildBrokerReport({ session: { expiry_s: null } }))).toMatchObject([
      { expiry_s: null },
    ]);
    expect(after([buildKnown()], buildBrokerReport({ session: null }))).toEqual([]);
  });

  it('stays while nobody is connected, until it has expired', () => {
    const down = buildBrokerReport({ state: 'disconnected', session: null });
    expect(after([buildKnown()], down)).toEqual([buildKnown()]);
    expect(after([buildKnown({ seen_at: ago(2) })], down)).toEqual([]);
    expect(after([buildKnown({ seen_at: ago(2), expiry_s: null })], down)).toHaveLength(1);
    expect(after([buildKnown({ seen_at: ago(24 * 100), expiry_s: null })], down)).toEqual([]);
  });

  it('is kept for each broker and client id', () => {
    const others = [buildKnown({ port: 1884 }), buildKnown({ client_id: 'other' })];
    expect(after(others, buildBrokerReport())).toHaveLength(3);
  });

  it('is told to who has not been connected, or has just begun', () => {
    const known = [buildKnown(), buildKnown({ client_id: 'other' })];
    const told = (state: 'connected' | 'standby', takes_turns: boolean, is_first_report: boolean) =>
      sessionsToTell(known, { report: buildStatusReport({ state }), takes_turns, is_first_report }).length;
    expect(told('standby', true, false)).toBe(2);
    expect(told('connected', true, true)).toBe(2);
    expect(told('connected', true, false)).toBe(0);
    expect(told('connected', false, true)).toBe(1);
  });
});
