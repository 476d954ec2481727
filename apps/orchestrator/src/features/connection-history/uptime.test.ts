import { uptimeBetween } from './uptime';

const hour = (value: number): Date => new Date(Date.UTC(2030, 0, 1, value));
const on = (at: number) => ({ at: hour(at), connected: true });
const off = (at: number) => ({ at: hour(at), connected: false });

describe('uptime between two times', () => {
  it('takes the state at the start of the window from what happened last before it', () => {
    expect(uptimeBetween([on(-50)], hour(0), hour(10))).toMatchObject({ connected_s: 36_000, unknown_s: 0, uptime: 1 });
    expect(uptimeBetween([on(-50), off(-1)], hour(0), hour(10))).toMatchObject({ disconnected_s: 36_000, uptime: 0 });
  });

  it('counts the pieces between the transitions', () => {
    const uptime = uptimeBetween([on(-5), off(2), on(4), off(9)], hour(0), hour(10));
    expect(uptime).toEqual({
      connected_s: 7 * 3600,
      disconnected_s: 3 * 3600,
      unknown_s: 0,
      uptime: 0.7,
      interruptions: 2,
    });
  });

  it('counts what lies before the first known thing as unknown, not as down', () => {
    const uptime = uptimeBetween([on(6), off(9)], hour(0), hour(10));
    expect(uptime).toMatchObject({ unknown_s: 6 * 3600, connected_s: 3 * 3600, disconnected_s: 3600, uptime: 0.75 });
  });

  it('says nothing of a product that nothing is known of', () => {
    expect(uptimeBetween([], hour(0), hour(10))).toMatchObject({ unknown_s: 36_000, uptime: null, interruptions: 0 });
  });

  it('leaves out what comes after the window', () => {
    expect(uptimeBetween([on(0), off(11)], hour(0), hour(10))).toMatchObject({ uptime: 1, interruptions: 0 });
  });

  it('does not take an interruption that was over before the window for one in it', () => {
    expect(uptimeBetween([on(-5), off(-3), on(-2)], hour(0), hour(10))).toMatchObject({ uptime: 1, interruptions: 0 });
  });
});
