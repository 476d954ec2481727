import { isActiveAt } from './active-hours';

/** A time in which nothing new fires for its products. */
export type MaintenanceWindow = {
  id: number;
  all_products: boolean;
  product_ids: number[];
} & (
  | { repeats: 'once'; starts_at_ms: number; ends_at_ms: number }
  | { repeats: 'weekly'; days: number[]; from: string; to: string; timezone: string }
);

export function isOpen(window: MaintenanceWindow, now_ms: number): boolean {
  if (window.repeats === 'once') return now_ms >= window.starts_at_ms && now_ms < window.ends_at_ms;
  return isActiveAt(window, now_ms);
}

/** Whether work on the product is announced for now. */
export function isUnderMaintenance(windows: readonly MaintenanceWindow[], product_id: number, now_ms: number): boolean {
  return windows.some(
    (window) => (window.all_products || window.product_ids.includes(product_id)) && isOpen(window, now_ms),
  );
}
