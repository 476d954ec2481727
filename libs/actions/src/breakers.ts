import {
  BrokenCircuitError,
  type CircuitBreakerPolicy,
  CircuitState,
  ConsecutiveBreaker,
  circuitBreaker,
  ExponentialBackoff,
  handleWhen,
  type IBackoffFactory,
} from 'cockatiel';
import { ActionFault } from './action-fault';

/** One destination that may be switched off for a while. */
export interface Breaker {
  readonly state: 'closed' | 'open' | 'half_open';
  /**
   * Runs an attempt, or rejects with an ActionFault `BREAKER_OPEN` (not permanent) without running it. Only faults that aren't
   * permanent count against the destination: an answer of 400 shows that it is alive.
   */
  run<T>(attempt: () => T | Promise<T>): T | Promise<T>;
}

export interface BreakerOptions {
  /** Failures in a row that open it. */
  failures?: number;
  /** Milliseconds before the first trial; doubles up to `max_pause_ms`. */
  pause_ms?: number;
  max_pause_ms?: number;
  /** Told when a destination is switched off and on again. */
  onChange?: (destination: string, state: 'open' | 'closed') => void;
}

/** Destinations remembered; beyond that the ones unused for longest are forgotten. */
const MAX_DESTINATIONS = 5_000;

/** Where the breaker of a destination stands. */
export interface BreakerFacts {
  state: Breaker['state'];
  /** When the next attempt is let through; null while it is closed. */
  next_try_at_ms: number | null;
}

export interface Breakers {
  breakerFor(destination: string): Breaker;
  facts(destination: string): BreakerFacts;
  /** Lets the next attempt through; the first failure opens it again. */
  tryNow(destination: string): void;
  /** As if nothing had failed. */
  close(destination: string): void;
}

/** A breaker per destination, made when first asked for. */
export function createBreakers(options: BreakerOptions = {}): Breakers {
  const { failures = 10, pause_ms = 1_000, max_pause_ms = 60_000, onChange } = options;
  const known = new Map<string, Breaker>();
  const pauses = new Map<string, number>();

  /** `is_on_trial`: the first failure opens it. */
  function make(destination: string, { is_on_trial = false } = {}): Breaker {
    const policy = circuitBreaker(
      handleWhen((error) => !(error instanceof ActionFault && error.permanent)),
      {
        breaker: new ConsecutiveBreaker(is_on_trial ? 1 : failures),
        halfOpenAfter: toldPauses(
          new ExponentialBackoff({ initialDelay: pause_ms, maxDelay: max_pause_ms }),
          (wait_ms) => {
            pauses.set(destination, Date.now() + wait_ms);
          },
        ),
      },
    );
    if (onChange) {
      policy.onBreak(() => onChange(destination, 'open'));
      policy.onReset(() => onChange(destination, 'closed'));
    }
    // Whether the policy has counted a failure since the last success. While it hasn't, a success tells it nothing new,
    // and the attempt need not go through it: that costs more than all else of an attempt whose outcome is there at once.
    let isUnwell = is_on_trial;

    const told = (error: unknown): never => {
      isUnwell = true;
      if (!(error instanceof BrokenCircuitError)) throw error;
      throw new ActionFault(`${destination} has failed ${failures} times in a row and is left alone for a while`, {
        permanent: false,
        detail: { code: 'BREAKER_OPEN' },
      });
    };

    /** Counts a failure that happened outside, and throws it. */
    const failed = async (error: unknown): Promise<never> => {
      isUnwell = true;
      // The policy may have opened meanwhile and then refuses to count: the failure is the attempt's all the same.
      await policy.execute(() => Promise.reject(error)).catch(() => undefined);
      isUnwell = true;
      throw error;
    };

    const isCurrent = (): boolean => known.get(destination) === breaker;

    const breaker: Breaker = {
      get state() {
        return nameOf(policy);
      },
      run: (attempt) => {
        if (isUnwell) {
          return policy
            .execute(async () => attempt())
            .then((value) => {
              isUnwell = false;
              if (is_on_trial && isCurrent()) recover(destination);
              return value;
            }, told);
        }
        try {
          const value = attempt();
          return value instanceof Promise ? value.catch(failed) : value;
        } catch (error) {
          return failed(error);
        }
      },
    };
    return breaker;
  }

  /** As if nothing had failed. The policy that is replaced says nothing of it. */
  const recover = (destination: string): void => {
    pauses.delete(destination);
    replace(destination, make(destination));
    onChange?.(destination, 'closed');
  };

  const replace = (destination: string, breaker: Breaker): void => {
    if (known.has(destination)) known.set(destination, breaker);
  };

  return {
    facts: (destination) => {
      const state = known.get(destination)?.state ?? 'closed';
      return { state, next_try_at_ms: state === 'closed' ? null : (pauses.get(destination) ?? null) };
    },
    tryNow: (destination) => replace(destination, make(destination, { is_on_trial: true })),
    close: recover,
    breakerFor: (destination) => {
      const found = known.get(destination);
      // Only with many can the order of use matter.
      if (found && known.size < MAX_DESTINATIONS / 2) return found;
      const breaker = found ?? make(destination);
      known.delete(destination);
      known.set(destination, breaker);
      if (known.size > MAX_DESTINATIONS) {
        const oldest = known.keys().next();
        if (!oldest.done) {
          known.delete(oldest.value);
          pauses.delete(oldest.value);
        }
      }
      return breaker;
    },
  };
}

/** Says each pause that a breaker takes, which the library keeps to itself. */
function toldPauses<C>(inner: IBackoffFactory<C>, onPause: (wait_ms: number) => void): IBackoffFactory<C> {
  return {
    next(context) {
      const backoff = inner.next(context);
      onPause(backoff.duration);
      return { duration: backoff.duration, next: (later: C) => toldPauses(backoff, onPause).next(later) };
    },
  };
}

function nameOf(policy: CircuitBreakerPolicy): Breaker['state'] {
  switch (policy.state) {
    case CircuitState.Closed:
      return 'closed';
    case CircuitState.HalfOpen:
      return 'half_open';
    case CircuitState.Open:
    case CircuitState.Isolated:
      return 'open';
  }
}
