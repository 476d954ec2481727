import type { Delivery } from './delivery';
import { Fifo } from './fifo';

/** Takes its place in the lane of its key; false = others come first. */
export function enterLane(delivery: Delivery, key: string): boolean {
  const { lanes, heldKeys } = delivery.runtime;
  let lane = lanes.get(key);
  if (!lane) {
    lane = { head: null, line: new Fifo() };
    lanes.set(key, lane);
  }
  // One from the queue is what the key is held for.
  const isFree = delivery.onFate !== null || (lane.line.size === 0 && !heldKeys?.(key));
  if (lane.head === null && isFree) {
    lane.head = delivery;
    return true;
  }
  lane.line.push(delivery);
  return false;
}

/** Lets go of the lane; gives the one whose turn it is now. */
export function leaveLane(delivery: Delivery): Delivery | null {
  const key = delivery.ordering_key;
  if (key === null) return null;
  const lane = delivery.runtime.lanes.get(key);
  if (lane?.head !== delivery) return null;
  lane.head = null;
  return nextOfLane(delivery.runtime, key);
}

/** The next of a key that nobody is under way for. */
export function nextOfLane(runtime: Delivery['runtime'], key: string): Delivery | null {
  const lane = runtime.lanes.get(key);
  if (!lane || lane.head !== null || runtime.heldKeys?.(key)) return null;
  let next = lane.line.shift();
  // Those that have been left to the queue while they waited are passed over.
  while (next && next.phase !== 'laned') next = lane.line.shift();
  if (!next) {
    runtime.lanes.delete(key);
    return null;
  }
  lane.head = next;
  return next;
}
