import type { ProductOverview } from '../../api/types';
import { Sparkline } from '../../components/sparkline';
import { texts } from '../../texts';
import { perSecond } from '../overview/metric-series';

/** Messages of the last ten minutes. */
export function RateSparkline({ product }: { product: Pick<ProductOverview, 'sparkline' | 'rate_1m'> }) {
  return <Sparkline values={product.sparkline} label={texts.products.rate(perSecond(product.rate_1m))} />;
}
