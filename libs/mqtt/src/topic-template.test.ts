import { repeatsPrefix, resolveTopicFilter, type TopicTemplate } from './topic-template';

const filterOf = (template: TopicTemplate): string => {
  const resolved = resolveTopicFilter(template);
  if (!resolved.ok) throw new Error(JSON.stringify(resolved.faults));
  return resolved.topic_filter;
};
const faultsOf = (template: TopicTemplate): string[] => {
  const resolved = resolveTopicFilter(template);
  return resolved.ok ? [] : resolved.faults.map(({ field, message }) => `${field}: ${message}`);
};

describe('resolveTopicFilter', () => {
  it.each<[TopicTemplate, string]>([
    [{ prefix: 'acme', pattern: 'events', topic: 'orders' }, 'acme/events/orders'],
    [{ prefix: 'acme', pattern: '', topic: 'orders' }, 'acme/orders'],
    [{ prefix: null, pattern: null, topic: 'orders' }, 'orders'],
    [{ topic: 'orders' }, 'orders'],
    [{ prefix: 'acme/', pattern: '/events/', topic: '/orders' }, 'acme/events/orders'],
    [{ prefix: '/', pattern: 'events', topic: 'orders' }, 'events/orders'],
    [{ prefix: '/acme', topic: 'orders' }, '/acme/orders'],
    [{ prefix: 'acme', topic: 'orders/' }, 'acme/orders/'],
    [{ prefix: 'acme', topic: 'a//b' }, 'acme/a//b'],
    [{ prefix: 'acme', pattern: 'events/#' }, 'acme/events/#'],
    [{ prefix: 'acme', pattern: 'events/#', topic: 'orders' }, 'acme/events/orders'],
    [{ prefix: 'acme', pattern: '#', topic: 'orders' }, 'acme/orders'],
    [{ prefix: 'acme', pattern: '#' }, 'acme/#'],
    [{ prefix: 'acme', pattern: 'events/#', topic: '#' }, 'acme/events/#'],
    [{ pattern: '+/events/#', topic: 'orders/+' }, '+/events/orders/+'],
    [{ prefix: 'acme', pattern: 'events', topic: '$SYS/#', absolute: true }, '$SYS/#'],
    [{ prefix: 'acme', topic: '/orders/', absolute: true }, '/orders/'],
  ])('joins %j to %s', (template, expected) => {
    expect(filterOf(template)).toBe(expected);
  });

  it('fills placeholders from the variables, whole levels and within them', () => {
    expect(
      filterOf({
        prefix: '{tenant}',
        pattern: 'site-{site}/#',
        topic: '{+device}/x',
        variables: { tenant: 'acme', site: '7' },
      }),
    ).toBe('acme/site-7/+/x');
  });

  it('names the wildcards in order, null for a plain one', () => {
    expect(resolveTopicFilter({ prefix: '+', pattern: '{+site}', topic: '{+device}/+/#' })).toEqual({
      ok: true,
      topic_filter: '+/+/+/+/#',
      wildcard_names: [null, 'site', 'device', null],
    });
  });

  it.each<[TopicTemplate, string]>([
    [{}, 'topic: must not be empty'],
    [{ prefix: 'acme', absolute: true, topic: '' }, 'topic: must not be empty'],
    [{ prefix: 'acme/{tenat}', topic: 'a', variables: { tenant: 'x' } }, 'prefix: unknown placeholder {tenat}'],
    [{ topic: '{toString}', variables: {} }, 'topic: unknown placeholder {toString}'],
    [{ topic: '{a b}' }, 'topic: "{a b}" is not a placeholder'],
    [{ topic: '{}' }, 'topic: "{}" is not a placeholder'],
    [{ topic: '{+a-b}' }, 'topic: "{+a-b}" is not a named wildcard'],
    [{ topic: 'x{+name}' }, 'topic: "{+name}" must stand alone in its level'],
    [{ topic: '{+name}/{+name}' }, 'topic: {+name} is used twice'],
    [{ topic: 'a/{name' }, 'topic: "{name" has a brace without its partner'],
    [{ topic: 'a/#/b' }, 'topic: "#" must be the last level'],
    [{ prefix: 'acme/#', topic: 'orders' }, 'prefix: "#" must be the last level'],
    [{ topic: 'orders#' }, 'topic: "#" must stand alone'],
    [{ pattern: 'a+', topic: 'orders' }, 'pattern: "+" must stand alone'],
    [{ topic: '$share/g/a' }, 'topic: "$share" must not be written by hand'],
    [{ topic: '$share/g/a', absolute: true }, 'topic: "$share" must not be written by hand'],
    [{ prefix: 'acme', topic: '$share/g/a' }, 'topic: "$share" must not be written by hand'],
    [{ topic: '{x}/g/a', variables: { x: '$share' } }, 'topic: "$share" must not be written by hand'],
    [{ topic: 'a\u0000b' }, 'topic: must not contain the null character'],
    [{ topic: 'a'.repeat(65_536) }, 'topic: must not be longer than 65535 bytes'],
    [{ topic: 'a'.repeat(65_530), shared_group: 'group' }, 'topic: must not be longer than 65535 bytes'],
    [{ topic: 'a', shared_group: 'a/b' }, 'shared_group: must not contain "/"'],
    [{ topic: '{x}', variables: { x: 'a/b' } }, 'topic: variable "x" must not contain "/"'],
    [{ topic: '{x}', variables: { x: '+' } }, 'topic: variable "x" must not contain'],
    [{ topic: '{x}', variables: { x: '#' } }, 'topic: variable "x" must not contain'],
    [{ topic: '{x}', variables: { x: '' } }, 'topic: variable "x" must not be empty'],
  ])('refuses %#', (template, message) => {
    expect(faultsOf(template)).toEqual([expect.stringContaining(message)]);
  });

  it('takes a filter of exactly the longest length', () => {
    expect(filterOf({ topic: 'a'.repeat(65_535) })).toHaveLength(65_535);
  });

  it('tells all faults at once, each with its field', () => {
    expect(faultsOf({ prefix: '{a}', pattern: 'b+', topic: '#/c' }).map((fault) => fault.split(':')[0])).toEqual([
      'prefix',
      'pattern',
      'topic',
    ]);
  });
});

describe('a topic that begins with its prefix', () => {
  const variables = { app: 'app-1' };
  const seed = { prefix: 'v3/applications/{app}', pattern: 'business-events/#', variables };
  it.each([
    ['v3/applications/app-1/business-events/orders/created', true],
    ['v3/applications/{app}/business-events/orders/created', true],
    ['/v3/applications/app-1/business-events/#', true],
    ['v3/applications/app-1/other/#', true],
    [' v3/applications/app-1/business-events/x ', true],
    ['v3/applications/app-1', true],
    ['v3/applications/app-2/business-events/x', false],
    ['v3/applications', false],
    ['orders/created', false],
    ['V3/applications/app-1/x', false],
  ])('is the full path: %s → %s', (topic, expected) => {
    expect(repeatsPrefix({ ...seed, topic })).toBe(expected);
  });

  it('is told by the pattern where there is no prefix, and never by a # alone', () => {
    expect(repeatsPrefix({ pattern: 'business-events/#', topic: 'business-events/x' })).toBe(true);
    expect(repeatsPrefix({ prefix: 'shop', topic: 'shop/#' })).toBe(true);
    expect(repeatsPrefix({ prefix: 'shop', topic: 'shop' })).toBe(false);
    expect(repeatsPrefix({ prefix: '', pattern: '#', topic: 'a/b' })).toBe(false);
    expect(repeatsPrefix({ prefix: '#', topic: '#' })).toBe(false);
  });
});
