import { Spotlight, type SpotlightActionGroupData } from '@mantine/spotlight';
import { IconFilter, IconSearch, IconStack2 } from '@tabler/icons-react';
import { useDebouncedValue } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { useNavigate } from 'react-router';
import { get } from '../api/client';
import { keys } from '../api/keys';
import type { FoundSubscription, Page } from '../api/types';
import { useProducts } from '../features/products/products-query';
import { texts } from '../texts';
import { chooseFirst, paletteStore } from './palette-control';
import { productPages, topPages } from './page-list';
import { useUser } from './session';

const MOST_SUBSCRIPTIONS = 20;
const PAUSE_MS = 150;
const NOTHING: FoundSubscription[] = [];

/** Ctrl+K: products and their pages, subscriptions of all products, and the pages of the console. */
export function CommandPalette() {
  const [query, setQuery] = useState('');
  const navigate = useNavigate();
  const user = useUser();
  const products = useProducts();
  const subscriptions = useSubscriptionSearch(query.trim());
  // The palette chooses among the entries that stood before a key was pressed: here it is among those shown now.
  // biome-ignore lint/correctness/useExhaustiveDependencies: other words, another first entry
  useEffect(() => chooseFirst({ anew: true }), [query]);
  // What is found a moment later may take the place of the chosen entry.
  useEffect(() => chooseFirst({ anew: false }));
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
          : subscriptions.map(({ id, product_id, product_name, name, topic }) => ({
              id: `subscription-${id}`,
              label: name,
              description: texts.palette.subscription(product_name, topic),
              leftSection: <IconFilter size={18} stroke={1.6} />,
              onClick: go(`/products/${product_id}/subscriptions/${id}`),
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
      // Without an animation: the end of the one that closes it would forget what is typed after opening it again.
      transitionProps={{ duration: 0 }}
      shortcut={null}
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

/** Subscriptions of all products by part of their name or topic. */
function useSubscriptionSearch(words: string): FoundSubscription[] {
  const [search] = useDebouncedValue(words, PAUSE_MS);
  const found = useQuery({
    queryKey: keys.subscriptionSearch(search),
    queryFn: ({ signal }) =>
      get<Page<FoundSubscription>>('/subscriptions', { query: { search, page_size: MOST_SUBSCRIPTIONS }, signal }),
    enabled: search !== '',
    placeholderData: (previous) => previous,
  });
  return found.data?.items ?? NOTHING;
}
