import { MultiSelect, Stack, Switch } from '@mantine/core';
import type { Role } from '../../api/types';
import { texts } from '../../texts';
import { useProducts } from '../products/products-query';

const words = texts.users;

export interface Grants {
  all_products: boolean;
  product_ids: number[];
  may_read_payloads: boolean;
}

interface Props {
  role: Exclude<Role, 'admin'>;
  value: Grants;
  onChange: (value: Grants) => void;
  error: string | undefined;
}

/** Which products a user sees, and whether with what messages carry. */
export function GrantFields({ role, value, onChange, error }: Props) {
  const products = useProducts();
  return (
    <Stack gap="sm">
      <Switch
        label={words.allProducts}
        description={words.allProductsHelp}
        checked={value.all_products}
        onChange={(event) => onChange({ ...value, all_products: event.currentTarget.checked })}
      />
      {!value.all_products && (
        <MultiSelect
          label={words.products}
          description={words.productsHelp[role]}
          error={error}
          value={value.product_ids.map(String)}
          onChange={(ids) => onChange({ ...value, product_ids: ids.map(Number) })}
          searchable
          clearable
          data={(products.data ?? []).map((product) => ({ value: String(product.id), label: product.name }))}
        />
      )}
      {role === 'viewer' && (
        <Switch
          label={words.mayReadPayloads}
          description={words.mayReadPayloadsHelp}
          checked={value.may_read_payloads}
          onChange={(event) => onChange({ ...value, may_read_payloads: event.currentTarget.checked })}
        />
      )}
    </Stack>
  );
}
