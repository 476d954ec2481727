import { Spotlight, type SpotlightActionGroupData } from '@mantine/spotlight';
import { IconFilter, IconSearch, IconStack2 } from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useNavigate } from 'react-router';
import { keys } from '../api/keys';
import type { Subscription } from '../api/types';
import { useProducts } from '../features/products/products-query';
import { texts } from '../texts';
import { paletteStore } from './palette-control';
import { productPages, topPages } from './page-list';
import { useUser } from './session';

/** Ctrl+K: products, their pages, subscriptions already loaded, and the pages of the console. */
export function CommandPalette() {
  const [query, setQuery] = useState('');
  const navigate = useNavigate();
  const user = useUser();
  const queryClient = useQueryClient();
  const products = useProducts();
  const opened = useQuery({
    queryKey: ['palette-subscriptions', query !== ''],
    queryFn: () => loadedSubscriptions(queryClient.getQueriesData({ queryKey: keys.products })),
    staleTime: 1_000,
  });
  const go = (to: string) => () => void navigate(to);

  const groups: SpotlightActionGroupData[] = [
    {
      group: texts.palette.products,
      actions: (products.data ?? []).flatMap((product) => [
        {
          id: `product-${product.id}`,
          label: product.name,
          description: product.slug,
          leftSection: <IconStack2 size={18} stroke={1.6} />,
          onClick: go(`/products/${product.id}`),
        },
        ...(query === ''
          ? []
          : productPages
              .filter((page) => page.path !== '')
              .map((page) => ({
                id: `product-${product.id}-${page.path}`,
                label: texts.palette.page(product.name, page.label),
                leftSection: <page.icon size={18} stroke={1.6} />,
                onClick: go(`/products/${product.id}/${page.path}`),
              }))),
      ]),
    },
    {
      group: texts.palette.subscriptions,
      actions:
        query === ''
          ? []
          : (opened.data ?? []).map(({ productId, subscription }) => ({
              id: `subscription-${subscription.id}`,
              label: subscription.name,
              description: subscription.topic_filter,
              leftSection: <IconFilter size={18} stroke={1.6} />,
              onClick: go(`/products/${productId}/subscriptions/${subscription.id}`),
            })),
    },
    {
      group: texts.palette.pages,
      actions: topPages
        .filter((page) => !page.adminOnly || user.role === 'admin')
        .map((page) => ({
          id: page.path,
          label: page.label,
          leftSection: <page.icon size={18} stroke={1.6} />,
          onClick: go(page.path),
        })),
    },
  ];

  return (
    <Spotlight
      store={paletteStore}
      actions={groups}
      query={query}
      onQueryChange={setQuery}
      shortcut={['mod + K']}
      nothingFound={texts.palette.nothing}
      highlightQuery
      limit={40}
      lockScroll={false}
      scrollable
      maxHeight="min(28rem, 70vh)"
      searchProps={{ leftSection: <IconSearch size={18} />, placeholder: texts.palette.placeholder }}
    />
  );
}

function loadedSubscriptions(entries: [readonly unknown[], unknown][]) {
  return entries.flatMap(([key, data]) =>
    key[2] === 'subscriptions' && key.length === 3 && Array.isArray(data)
      ? (data as Subscription[]).map((subscription) => ({ productId: Number(key[1]), subscription }))
      : [],
  );
}
