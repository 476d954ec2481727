import type { BenchContext } from './figure';
import { cpuTime_ms } from './process-usage';

/** Messages a second of each round, after one round that doesn't count. `once` gives the milliseconds of `messages`. */
export async function rates(
  { context, who, pid, messages }: { context: BenchContext; who: string; pid: number; messages: number },
  once: () => Promise<number>,
): Promise<number[]> {
  const measured: number[] = [];
  for (let round = 0; round <= context.rounds; round += 1) {
    const cpu_before_ms = cpuTime_ms(pid);
    const rate = (messages / (await once())) * 1_000;
    const cpu_us = ((cpuTime_ms(pid) - cpu_before_ms) / messages) * 1_000;
    const note = round === 0 ? ' (warming up)' : '';
    context.say(`${who}: ${Math.round(rate)} msg/s, ${cpu_us.toFixed(1)} µs of CPU each${note}`);
    if (round > 0) measured.push(rate);
  }
  return measured;
}
