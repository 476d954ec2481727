/**
 * Told after a commit that a product's revision has risen. It makes listeners look at once; it may fail without harm,
 * since they also poll. Returns at once and never throws: the answer to a write doesn't wait for the queue. How far the
 * listeners are is told by the applied revision of the status.
 */
export interface ChangeNotifier {
  configChanged(product_id: number, revision: number): void;
}
