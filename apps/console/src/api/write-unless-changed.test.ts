import { ApiError } from './problem';
import { ChangedMeanwhileError, writeUnlessChanged } from './write-unless-changed';

const outdated = () => new ApiError({ type: 'about:blank', title: 'Precondition failed', status: 412, detail: '' });

/** A server that holds one value and takes writes upon its newest version alone. */
function server(value: string, version: number) {
  const written: string[] = [];
  return {
    written,
    readNewest: async () => ({ value, etag: `"${version}"` }),
    write: async (etag: string | null) => {
      if (etag !== `"${version}"`) throw outdated();
      written.push(etag);
      return 'done';
    },
    isSame: (seen: string, newest: string) => seen === newest,
  };
}

describe('a write upon what was seen', () => {
  it('is made upon the newest version when something else was changed', async () => {
    const { written, ...calls } = server('lamp', 8);
    await expect(writeUnlessChanged({ ...calls, seen: { value: 'lamp', etag: '"7"' } })).resolves.toBe('done');
    expect(written).toEqual(['"8"']);
  });

  it('is not made when that itself was changed', async () => {
    const { written, ...calls } = server('lamp, mended', 8);
    await expect(writeUnlessChanged({ ...calls, seen: { value: 'lamp', etag: '"7"' } })).rejects.toThrow(
      ChangedMeanwhileError,
    );
    expect(written).toEqual([]);
  });

  it('fails as it fails when that has nothing to do with versions', async () => {
    const refused = new ApiError({ type: 'about:blank', title: 'Forbidden', status: 403, detail: '' });
    const { written: _, ...calls } = server('lamp', 7);
    const write = () => Promise.reject(refused);
    await expect(writeUnlessChanged({ ...calls, write, seen: { value: 'lamp', etag: '"7"' } })).rejects.toBe(refused);
  });
});
