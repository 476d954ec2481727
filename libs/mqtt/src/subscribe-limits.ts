/** Filters in one SUBSCRIBE where the broker's limit is unknown: the smallest that is in use (AWS IoT) is 8. */
export const FILTERS_PER_SUBSCRIBE = 8;
