import type { ProductOverview } from '../../api/types';
import { Sparkline } from '../../components/sparkline';
import { texts } from '../../texts';
import { perSecond } from '../overview/metric-series';

/** Messages of the last ten minutes, without the 10 s that are still being counted: they would look like a drop. */
export function RateSparkline({ product }: { product: Pick<ProductOverview, 'sparkline' | 'rate_1m'> }) {
  return <Sparkline values={product.sparkline.slice(0, -1)} label={texts.products.rate(perSecond(product.rate_1m))} />;
}
