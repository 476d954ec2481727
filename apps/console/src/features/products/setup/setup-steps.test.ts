import { doneSteps, firstOpenStep, isSetupStep, type SetupFacts, stepAfter, stepBefore } from './setup-steps';

function buildFacts(overrides: Partial<SetupFacts> = {}): SetupFacts {
  return { has_broker: false, has_topics: false, subscriptions: 0, connected: false, messages: 0, ...overrides };
}

describe('the guided path', () => {
  it('goes on where somebody left it', () => {
    const open = (facts: Partial<SetupFacts>) => firstOpenStep(doneSteps(buildFacts(facts)));
    expect(open({})).toBe('broker');
    expect(open({ has_broker: true })).toBe('test');
    expect(open({ has_broker: true, connected: true })).toBe('topics');
    expect(open({ has_broker: true, connected: true, has_topics: true })).toBe('subscription');
    expect(open({ has_broker: true, connected: true, subscriptions: 1 })).toBe('message');
    expect(open({ has_broker: true, connected: true, subscriptions: 1, messages: 1 })).toBe('message');
  });

  it('takes topics without a common beginning for settled once something is subscribed', () => {
    expect(doneSteps(buildFacts({ subscriptions: 1 })).has('topics')).toBe(true);
  });

  it('begins with the name and ends with the message', () => {
    expect(stepBefore('name')).toBeNull();
    expect(stepAfter('name')).toBe('broker');
    expect(stepAfter('message')).toBeNull();
    expect(isSetupStep('listener')).toBe(true);
    expect(isSetupStep('elsewhere')).toBe(false);
  });
});
