/**
 * A timer that fires this much too late shows that our own event loop stood still. What came meanwhile has not been looked at, so
 * that time is not the destination's.
 */
export const STALL_MS = 250;
