import { startDeadline } from './deadline';

function standStill(ms: number): void {
  const until_ms = performance.now() + ms;
  while (performance.now() < until_ms);
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

it.each([
  ['at its beginning', 0],
  ['in its middle', 150],
])('a stall of ours is not of the time that somebody else has: %s', async (_name, before_ms) => {
  const began_ms = performance.now();
  const over = new Promise<number>((resolve) => startDeadline(400, () => resolve(performance.now() - began_ms)));
  await pause(before_ms);
  standStill(700);
  expect(await over).toBeGreaterThanOrEqual(1_000);
});

it('is over in time where nothing stood still, and never when it was cancelled', async () => {
  const began_ms = performance.now();
  let cancelled = 0;
  const cancel = startDeadline(50, () => {
    cancelled += 1;
  });
  cancel();
  cancel();
  const took_ms = await new Promise<number>((resolve) =>
    startDeadline(200, () => resolve(performance.now() - began_ms)),
  );
  expect(took_ms).toBeGreaterThanOrEqual(195);
  expect(cancelled).toBe(0);
});
