import { suggestionsAt } from './completions';

const envelope = {
  topic: 'a/b',
  params: { machine: 'press-4' },
  payload: { celsius: 91, 'serial number': 'x', parts: [{ weight: 3 }] },
};

const labels = (text: string) => suggestionsAt(text, envelope)?.options.map((option) => option.label);

describe('completion of an expression', () => {
  it('knows the fields of the envelope', () => {
    expect(labels('')).toEqual(['topic', 'params', 'payload']);
    expect(labels('payload.celsius > 3 and par')).toEqual(['topic', 'params', 'payload']);
  });

  it('walks the sample along the path, through lists too', () => {
    expect(labels('payload.')).toEqual(['celsius', '`serial number`', 'parts']);
    expect(labels('{"x": payload.parts.')).toEqual(['weight']);
    expect(labels('payload.parts[0].we')).toEqual(['weight']);
  });

  it('replaces only the word that was begun', () => {
    expect(suggestionsAt('payload.cel', envelope)?.from).toBe('payload.'.length);
    expect(suggestionsAt('1 + $su', envelope)?.from).toBe('1 + '.length);
  });

  it('offers functions after a dollar sign', () => {
    expect(labels('$')).toContain('$sum');
  });

  it('is silent where nothing is known', () => {
    expect(labels('payload.nothing.')).toBeUndefined();
    expect(labels('$f().')).toBeUndefined();
  });
});
