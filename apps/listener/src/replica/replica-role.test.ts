import { waitFor } from '@cortex-mqtt/testing';
import { silentLogger } from '../session/session.testing';
import { ReplicaRole } from './replica-role';
import type { RememberedRole } from './role-memory';

const QUICK = { base_delay_ms: 20, max_delay_ms: 40, refused_delay_ms: 20, refused_max_delay_ms: 40 };
const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const clean of cleanups.splice(0)) clean();
});

function buildRole({
  remembered = null,
  unconfirmed_ms = 30_000,
}: {
  remembered?: RememberedRole | null;
  unconfirmed_ms?: number;
} = {}) {
  const saved: RememberedRole[] = [];
  const role = new ReplicaRole({
    memory: { load: async () => remembered, save: async (role) => void saved.push(role) },
    logger: silentLogger,
    onChange: () => undefined,
    timing: { yielding: QUICK, unconfirmed_ms },
  });
  cleanups.push(() => role.stop());
  return { role, saved };
}
const active = (term: number) => ({ role: 'active' as const, term, active_instance_id: null });
const standby = { role: 'standby' as const, term: 2, active_instance_id: 'other' };

describe('the role of an instance', () => {
  it('is what the orchestrator says, and not active before it has said so', () => {
    const { role, saved } = buildRole();
    expect(role.is_active).toBe(false);
    role.told(active(1));
    expect(role.is_active).toBe(true);
    role.told(standby);
    expect(role.is_active).toBe(false);
    expect(role.reason).toContain('"other" is active');
    expect(saved.map((each) => each.role)).toEqual(['active', 'standby']);
  });

  it('goes on as it was while the orchestrator is away, also from one process to the next', async () => {
    const running = buildRole();
    running.role.told(active(3));
    await running.role.unanswered();
    expect(running.role.is_active).toBe(true);
    const waiting = buildRole({ remembered: { role: 'standby', term: 2 } });
    await waiting.role.unanswered();
    expect(waiting.role.is_active).toBe(false);
    const alone = buildRole();
    await alone.role.unanswered();
    expect(alone.role.is_active).toBe(true);
  });

  it('steps back when the session is taken over, and returns once it hears that it is its turn', async () => {
    const { role } = buildRole();
    role.told(active(1));
    role.stepBack();
    expect(role.is_active).toBe(false);
    role.told(active(1));
    await waitFor(() => role.is_active);
  });

  it('stays away when it hears that it is the turn of another', () => {
    const { role } = buildRole({ unconfirmed_ms: 10 });
    role.told(active(1));
    role.stepBack();
    role.told(standby);
    expect(role.is_active).toBe(false);
    expect(role.reason).toContain('"other"');
  });

  it('returns after a while when nobody can tell', async () => {
    const { role } = buildRole({ unconfirmed_ms: 30 });
    role.told(active(1));
    role.stepBack();
    await role.unanswered();
    await waitFor(() => role.is_active);
  });

  it('is not active for a product that takes turns because of an answer for one that does not', () => {
    const { role } = buildRole();
    role.told({ role: 'active', term: 0, active_instance_id: null });
    expect(role.is_active).toBe(false);
  });

  it('counts, after a suspension, only once an answer to what was asked since confirms it', async () => {
    const { role } = buildRole();
    role.told(active(1));
    const asked_before_ms = Date.now() - 1;
    role.suspended(9_000);
    expect(role.is_active).toBe(false);
    expect(role.reason).toContain('9 s');
    // It lay in the socket all the while.
    role.told(active(1), asked_before_ms);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(role.is_active).toBe(false);
    role.told(active(1), Date.now());
    await waitFor(() => role.is_active);
  });
});
