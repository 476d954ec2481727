import { WorkChain } from './work-chain';

it('does everything in order, and hands faults over without a rejection that nobody handles', async () => {
  const seen: unknown[] = [];
  const unhandled = jest.fn();
  process.on('unhandledRejection', unhandled);
  const chain = new WorkChain((error) => seen.push((error as Error).message));
  chain.add(async () => seen.push('first'));
  chain.add(() => Promise.reject(new Error('fault')));
  chain.add(async () => seen.push('last'));
  await new Promise((resolve) => setImmediate(resolve));
  await chain.settled();
  process.off('unhandledRejection', unhandled);
  expect(seen).toEqual(['first', 'fault', 'last']);
  expect(unhandled).not.toHaveBeenCalled();
});
