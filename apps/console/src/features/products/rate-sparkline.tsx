import { useQuery } from '@tanstack/react-query';
import { get } from '../../api/client';
import { Sparkline } from '../../components/sparkline';
import { texts } from '../../texts';

interface MessageSeries {
  points: { at: string; messages_received: number }[];
}

/** Messages per minute of the last hour. */
export function RateSparkline({ productId }: { productId: number }) {
  const series = useQuery({
    queryKey: ['products', productId, 'metrics', 'sparkline'],
    queryFn: ({ signal }) =>
      get<MessageSeries>(`/products/${productId}/metrics`, { query: { range: '1h', buckets: 60 }, signal }),
    refetchInterval: 30_000,
    retry: false,
  });
  return (
    <Sparkline
      values={(series.data?.points ?? []).map((point) => point.messages_received)}
      label={texts.products.rate}
    />
  );
}
