import { formatTraceparent, parseTraceparent, publishersContext } from './trace-context';
import { createTraceIds } from './trace-ids';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';

describe('traceparent', () => {
  it.each([
    ['of version 00', `00-${TRACE}-${SPAN}-01`, { flags: 1 }],
    ['that is not sampled', `00-${TRACE}-${SPAN}-00`, { flags: 0 }],
    ['with the bit for random ids', `00-${TRACE}-${SPAN}-03`, { flags: 3 }],
    ['of a later version with more fields and bits', `cc-${TRACE}-${SPAN}-ff-what-comes`, { flags: 3 }],
  ])('%s is read', (_which, text, wanted) => {
    expect(parseTraceparent(text)).toEqual({ trace_id: TRACE, span_id: SPAN, state: null, ...wanted });
  });

  it.each([
    ['version ff', `ff-${TRACE}-${SPAN}-01`],
    ['more fields than version 00 has', `00-${TRACE}-${SPAN}-01-more`],
    ['a trace id of zeros', `00-${'0'.repeat(32)}-${SPAN}-01`],
    ['a span id of zeros', `00-${TRACE}-${'0'.repeat(16)}-01`],
    ['capital letters', `00-${TRACE.toUpperCase()}-${SPAN}-01`],
    ['an id that is too short', `00-${TRACE.slice(1)}-${SPAN}-01`],
    ['a line break', `00-${TRACE}-${SPAN}-01\r\nx: y`],
    ['nothing', ''],
  ])('with %s is ignored', (_which, text) => {
    expect(parseTraceparent(text)).toBeNull();
  });

  it('is written as it was read', () => {
    const context = parseTraceparent(`00-${TRACE}-${SPAN}-03`);
    expect(context && formatTraceparent(context)).toBe(`00-${TRACE}-${SPAN}-03`);
  });
});

describe('the context of a publisher', () => {
  const traceparent = `00-${TRACE}-${SPAN}-01`;

  it('takes tracestate along, also in several properties', () => {
    expect(publishersContext({ traceparent, tracestate: ['a=1', 'b=2'] })?.state).toBe('a=1,b=2');
  });

  it.each([
    ['would break a header', 'a=1\r\nx-admin: yes'],
    ['is too long', `a=${'1'.repeat(600)}`],
    ['is not ASCII', 'a=ü'],
  ])('leaves out a tracestate that %s', (_why, tracestate) => {
    expect(publishersContext({ traceparent, tracestate })).toMatchObject({ trace_id: TRACE, state: null });
  });

  it('is ignored when the property is there twice, or only by inheritance', () => {
    expect(publishersContext({ traceparent: [traceparent, traceparent] })).toBeNull();
    expect(publishersContext(Object.create({ traceparent }) as Record<string, string>)).toBeNull();
  });
});

describe('trace ids', () => {
  it('have the length that the specification asks for, and do not repeat', () => {
    const ids = createTraceIds();
    const made = Array.from({ length: 2_000 }, () => [ids.traceId(), ids.spanId()] as const);
    for (const [trace_id, span_id] of made) expect(parseTraceparent(`00-${trace_id}-${span_id}-01`)).not.toBeNull();
    expect(new Set(made.flat()).size).toBe(4_000);
  });
});
