import { Button, Checkbox, Group, MultiSelect, PasswordInput, Stack } from '@mantine/core';
import { IconKey, IconPlus } from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { post, remove } from '../../api/client';
import { everyPage } from '../../api/every-page';
import { keys } from '../../api/keys';
import { faultsByField } from '../../api/problem';
import type { Scope, Token } from '../../api/types';
import { Facts, Fields, Page, Panel } from '../../components/layout';
import { notifyDone, notifyFailure } from '../../components/notify';
import { Empty, Loaded } from '../../components/states';
import { TokenDialog } from '../../components/token-dialog';
import { TokenList } from '../../components/token-list';
import { useUser } from '../../shell/session';
import { texts } from '../../texts';
import { useProducts } from '../products/products-query';
import { SessionsPanel } from './sessions-panel';

const words = texts.account;
const DEFAULT_DAYS = 90;

/** Who I am, my password, my API tokens. */
export function AccountPage() {
  const user = useUser();
  return (
    <Page title={words.title}>
      <Panel title={words.profile}>
        <Facts
          items={[
            [words.email, user.email],
            ...(user.name ? ([[words.name, user.name]] as [string, string][]) : []),
            [words.role, texts.users.roles[user.role]],
          ]}
        />
      </Panel>
      <PasswordPanel />
      <SessionsPanel />
      <TokensPanel />
    </Page>
  );
}

function PasswordPanel() {
  const [values, setValues] = useState({ current: '', next: '', repeat: '' });
  const [faults, setFaults] = useState<Record<string, string>>({});
  const [keepTokens, setKeepTokens] = useState(false);
  const [busy, setBusy] = useState(false);
  const set = (name: keyof typeof values) => (event: { currentTarget: { value: string } }) => {
    const { value } = event.currentTarget;
    setValues((all) => ({ ...all, [name]: value }));
  };
  const different = values.repeat !== '' && values.repeat !== values.next;
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (values.repeat !== values.next) return;
    setBusy(true);
    setFaults({});
    try {
      await post('/auth/password', {
        current_password: values.current,
        new_password: values.next,
        revoke_api_tokens: !keepTokens,
      });
      setValues({ current: '', next: '', repeat: '' });
      notifyDone(words.passwordChanged);
    } catch (error) {
      const found = faultsByField(error);
      setFaults(found);
      if (Object.keys(found).length === 0) notifyFailure(words.changePassword, error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Panel title={words.password} hint={words.passwordHint}>
      <form onSubmit={(event) => void submit(event)}>
        <Stack>
          <Fields columns={3}>
            <PasswordInput
              label={words.current}
              autoComplete="current-password"
              required
              withAsterisk={false}
              value={values.current}
              error={faults.current_password}
              onChange={set('current')}
            />
            <PasswordInput
              label={words.next}
              autoComplete="new-password"
              required
              withAsterisk={false}
              minLength={12}
              value={values.next}
              error={faults.new_password}
              onChange={set('next')}
            />
            <PasswordInput
              label={words.repeat}
              autoComplete="new-password"
              required
              withAsterisk={false}
              value={values.repeat}
              error={different ? words.different : undefined}
              onChange={set('repeat')}
            />
          </Fields>
          <Group>
            <Checkbox
              label={words.keepTokens}
              checked={keepTokens}
              onChange={(event) => setKeepTokens(event.currentTarget.checked)}
            />
            <Button type="submit" variant="default" loading={busy}>
              {words.changePassword}
            </Button>
          </Group>
        </Stack>
      </form>
    </Panel>
  );
}

function TokensPanel() {
  const queryClient = useQueryClient();
  const [creating, setCreating] = useState(false);
  const [scopes, setScopes] = useState<Scope[]>(['read', 'write']);
  const [productIds, setProductIds] = useState<string[]>([]);
  const products = useProducts();
  const tokens = useQuery({
    queryKey: keys.apiTokens,
    queryFn: ({ signal }) => everyPage<Token>('/api-tokens', signal),
  });
  const refresh = () => queryClient.invalidateQueries({ queryKey: keys.apiTokens });
  const create = (
    <Button variant="light" leftSection={<IconPlus size={16} />} onClick={() => setCreating(true)}>
      {words.createToken}
    </Button>
  );
  return (
    <Panel title={words.tokens} hint={words.tokensHint} actions={create} flush>
      <Loaded query={tokens}>
        {(all) =>
          all.length === 0 ? (
            <Empty icon={IconKey} title={words.noTokens} hint={words.noTokensHint} />
          ) : (
            <TokenList
              tokens={all}
              canRevoke
              revokeLabel={words.revoke}
              revokeBody={words.revokeBody}
              onRevoke={async (token) => {
                await remove(`/api-tokens/${token.id}`);
                notifyDone(words.revoked(token.name));
                await refresh();
              }}
            />
          )
        }
      </Loaded>
      <TokenDialog
        opened={creating}
        onClose={() => setCreating(false)}
        words={words}
        defaultDays={DEFAULT_DAYS}
        onCreate={async (token) => {
          const made = await post<Token>('/api-tokens', {
            ...token,
            scopes,
            product_ids: productIds.length === 0 ? null : productIds.map(Number),
          });
          void refresh();
          return made;
        }}
      >
        <Checkbox.Group label={words.scopes} value={scopes} onChange={(next) => setScopes(next as Scope[])}>
          <Group mt="xs">
            {(['read', 'write', 'tokens'] as const).map((scope) => (
              <Checkbox key={scope} value={scope} label={words.scopeNames[scope]} />
            ))}
          </Group>
        </Checkbox.Group>
        <MultiSelect
          label={words.onlyProducts}
          description={words.onlyProductsHelp}
          value={productIds}
          onChange={setProductIds}
          searchable
          clearable
          data={(products.data ?? []).map((product) => ({ value: String(product.id), label: product.name }))}
        />
      </TokenDialog>
    </Panel>
  );
}
