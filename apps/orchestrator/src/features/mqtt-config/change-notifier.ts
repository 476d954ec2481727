/**
 * Told after a commit that a product's revision has risen. It makes listeners look at once; it may fail without harm,
 * since they also poll. It never throws.
 */
export interface ChangeNotifier {
  configChanged(product_id: number, revision: number): Promise<void>;
}
