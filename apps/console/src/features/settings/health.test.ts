import { healthOf } from './health';

describe('the health of the system', () => {
  it('names what fails, and why', () => {
    const health = healthOf(
      {
        status: 'failing',
        checks: [
          { name: 'postgres', status: 'ok', duration_ms: 3 },
          { name: 'queue', status: 'failing', error: 'no answer within 2000 ms', duration_ms: 2_000 },
        ],
      },
      { version: '0.1.0', git_commit: '0123456789abcdef' },
    );
    expect(health).toEqual({
      ok: false,
      version: '0.1.0 · 01234567',
      parts: [
        { name: 'postgres', ok: true, detail: '3 ms' },
        { name: 'queue', ok: false, detail: 'no answer within 2000 ms' },
      ],
    });
  });
});
