/** The guided path, in its order. */
export const SETUP_STEPS = ['name', 'broker', 'test', 'topics', 'subscription', 'listener', 'message'] as const;

export type SetupStep = (typeof SETUP_STEPS)[number];

export function isSetupStep(step: string | undefined): step is SetupStep {
  return (SETUP_STEPS as readonly (string | undefined)[]).includes(step);
}

/** What is known of a product, as far as it tells which steps are behind it. */
export interface SetupFacts {
  has_broker: boolean;
  has_topics: boolean;
  subscriptions: number;
  connected: boolean;
  messages: number;
}

/** Nothing about the path itself is stored: what is there says how far somebody came. */
export function doneSteps(facts: SetupFacts): Set<SetupStep> {
  const done: Record<SetupStep, boolean> = {
    name: true,
    broker: facts.has_broker,
    test: facts.connected,
    topics: facts.has_topics || facts.subscriptions > 0,
    subscription: facts.subscriptions > 0,
    listener: facts.connected && facts.subscriptions > 0,
    message: facts.messages > 0,
  };
  return new Set(SETUP_STEPS.filter((step) => done[step]));
}

/** Where to go on; the last step when all are done. */
export function firstOpenStep(done: Set<SetupStep>): SetupStep {
  return SETUP_STEPS.find((step) => !done.has(step)) ?? 'message';
}

export function stepAfter(step: SetupStep): SetupStep | null {
  return SETUP_STEPS[SETUP_STEPS.indexOf(step) + 1] ?? null;
}

export function stepBefore(step: SetupStep): SetupStep | null {
  return SETUP_STEPS[SETUP_STEPS.indexOf(step) - 1] ?? null;
}

export const setupPath = (productId: number, step: SetupStep): string => `/products/${productId}/setup/${step}`;
