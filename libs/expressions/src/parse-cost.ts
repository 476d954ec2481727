/**
 * Characters that JSONata's parser goes over, roughly. Each `??` and `?:` makes it go over its left side twice, so thirty of them
 * in one another would take it a minute; what is separated by `,` or `;` counts by itself. Strings, names in backticks and
 * comments are no operators. Linear in the source.
 */
export function parseCost(source: string): number {
  const outer = new Segment();
  const open: Segment[] = [outer];
  for (let at = 0; at < source.length; ) {
    const current = open.at(-1) ?? outer;
    const length = lengthAt(source, at);
    current.own += length;
    if (length === 1) {
      const char = source[at] as string;
      if ('([{'.includes(char)) open.push(new Segment());
      else if (')]}'.includes(char) && open.length > 1) {
        open.pop();
        (open.at(-1) ?? outer).own += current.total();
      } else if (char === ',' || char === ';') current.next();
    } else if (isFallback(source, at)) current.fallbacks += 1;
    at += length;
  }
  for (let inner = open.pop(); inner !== undefined; inner = open.pop()) {
    const parent = open.at(-1);
    if (parent === undefined) return inner.total();
    parent.own += inner.total();
  }
  return source.length;
}

/** What stands between two brackets. */
class Segment {
  own = 0;
  fallbacks = 0;
  private done = 0;

  next(): void {
    this.done += this.own * 2 ** Math.min(this.fallbacks, 60);
    this.own = 0;
    this.fallbacks = 0;
  }

  total(): number {
    this.next();
    return this.done;
  }
}

const isFallback = (source: string, at: number): boolean => source.startsWith('??', at) || source.startsWith('?:', at);

/** Of what begins at `at`. */
function lengthAt(source: string, at: number): number {
  const char = source[at];
  if (char === '"' || char === "'" || char === '`') return endOfQuote(source, at, char) - at;
  if (char === '/' && source[at + 1] === '*') {
    const end = source.indexOf('*/', at + 2);
    return (end === -1 ? source.length : end + 2) - at;
  }
  return isFallback(source, at) ? 2 : 1;
}

function endOfQuote(source: string, from: number, quote: string): number {
  for (let at = from + 1; at < source.length; at += 1) {
    if (source[at] === '\\' && quote !== '`') at += 1;
    else if (source[at] === quote) return at + 1;
  }
  return source.length;
}
