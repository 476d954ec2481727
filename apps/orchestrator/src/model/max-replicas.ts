/** Most listeners of one product. */
export const MAX_REPLICAS = 50;
