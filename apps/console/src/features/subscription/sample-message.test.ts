import { envelopeOf, exampleTopic, messageOf, newSample, resolvedFilter, sampleOf } from './sample-message';

const filter = resolvedFilter({ prefix: 'factory', topic: '{+machine}/+/alarm/#' });

describe('a sample', () => {
  it('begins with a topic that the filter matches', () => {
    expect(filter && exampleTopic(filter)).toBe('factory/machine-1/any/alarm/example');
    expect(resolvedFilter({ topic: 'a/#/b' })).toBeNull();
  });

  it('becomes the envelope that expressions see', () => {
    const sample = { ...newSample(filter, new Date('2026-01-01T00:00:00Z')), payload: '{"celsius": 91}' };
    const { envelope, matches } = envelopeOf(sample, { productId: 1, subscriptionId: 2, format: 'json', filter });
    expect(matches).toBe(true);
    expect(envelope).toMatchObject({ params: { machine: 'machine-1' }, payload: { celsius: 91 }, product_id: 1 });
  });

  it('says when its payload is not JSON, or its topic does not match', () => {
    const sample = { ...newSample(filter, new Date()), payload: '{', topic: 'other' };
    const { matches, payload_fault } = envelopeOf(sample, { productId: 1, subscriptionId: 2, format: 'json', filter });
    expect(matches).toBe(false);
    expect(payload_fault).not.toBeNull();
  });

  it('keeps every byte of a text with umlauts on its way to the API and back', () => {
    const sample = { ...newSample(filter, new Date()), payload: 'Größe ✓' };
    expect(sampleOf(messageOf(sample, 'text'), 'text')).toEqual(sample);
  });

  it('indents JSON only where that changes nothing', () => {
    const message = (payload: string) => messageOf({ ...newSample(filter, new Date()), payload }, 'json');
    expect(sampleOf(message('{"a":1}'), 'json').payload).toBe('{\n  "a": 1\n}');
    expect(sampleOf(message('{"id":12345678901234567890}'), 'json').payload).toBe('{"id":12345678901234567890}');
  });
});
