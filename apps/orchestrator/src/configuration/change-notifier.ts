/**
 * Called after a commit that has raised a product's revision. It makes listeners look at once; it may fail without harm,
 * since they also poll. Returns at once and never throws: the answer to a write doesn't wait for the queue. The applied
 * revision of the status says how far the listeners are.
 */
export interface ChangeNotifier {
  configChanged(product_id: number, revision: number): void;
}
