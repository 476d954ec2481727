import { previewTopic, previewTopics, sectionFaults } from './topic-preview';

const surroundings = {
  topics: { prefix: 'factory/{site}', pattern: 'line/#', use_shared: false, shared_group: null },
  variables: { site: 'berlin' },
  slug: 'plant',
};

const subscription = { id: 1, name: 'Alarm', topic: '{+machine}/alarm', absolute_topic: false };

describe('the preview of a topic', () => {
  it('shows the filter in the pieces it is made of', () => {
    expect(previewTopic(subscription, surroundings).pieces).toEqual([
      { part: 'prefix', text: 'factory/berlin/' },
      { part: 'pattern', text: 'line/' },
      { part: 'topic', text: '+/alarm' },
    ]);
  });

  it('shows the shared group that is sent, the derived one when none is given', () => {
    const shared = { ...surroundings, topics: { ...surroundings.topics, use_shared: true } };
    expect(previewTopic(subscription, shared).pieces[0]).toEqual({ part: 'share', text: '$share/cortex-plant/' });
  });

  it('leaves prefix and pattern out of an absolute topic', () => {
    expect(previewTopic({ ...subscription, absolute_topic: true }, surroundings).pieces).toEqual([
      { part: 'topic', text: '+/alarm' },
    ]);
  });

  it('tells a fault of the topic itself', () => {
    const preview = previewTopic({ ...subscription, topic: 'a/#/b' }, surroundings);
    expect(preview.pieces).toEqual([]);
    expect(preview.faults[0]).toContain('#');
  });

  it('takes an example where there is no subscription', () => {
    const [only] = previewTopics([], surroundings, { limit: 3, example: 'own/topic' });
    expect(only?.pieces.map((piece) => piece.text).join('')).toBe('factory/berlin/line/own/topic');
  });
});

describe('faults of prefix and pattern', () => {
  it('stand at their own field', () => {
    expect(sectionFaults({ ...surroundings, variables: {} })['topics.prefix']).toContain('{site}');
    expect(sectionFaults(surroundings)).toEqual({});
  });
});
