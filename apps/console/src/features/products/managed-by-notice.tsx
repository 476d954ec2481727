import { Alert, Button } from '@mantine/core';
import { IconFileCode, IconLock } from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { get, remove } from '../../api/client';
import { keys } from '../../api/keys';
import type { Drift, Page, Product } from '../../api/types';
import { Confirm } from '../../components/confirm';
import { notifyDone } from '../../components/notify';
import { useUser } from '../../shell/session';
import { texts } from '../../texts';
import classes from './product-settings-page.module.css';

const words = texts.managedBy;
const NAMED_CHANGES = 10;

/** Says that files keep the product, whether changes from here are refused or shown as drift, and which there are. */
export function ManagedByNotice({ product }: { product: Product }) {
  const { id, managed_by, managed_console } = product;
  const isLocked = managed_console === 'lock';
  const isAdmin = useUser().role === 'admin';
  const queryClient = useQueryClient();
  const [releasing, setReleasing] = useState(false);
  const drift = useQuery({
    // What was saved here may be a drift.
    queryKey: [...keys.drift(id), product.updated_at],
    queryFn: ({ signal }) => get<Page<Drift>>('/config/drift', { signal }),
    enabled: managed_by !== null && !isLocked,
  });
  if (managed_by === null) return null;
  const changes = drift.data?.items.find(({ product_id }) => product_id === id)?.changes ?? [];
  const release = async () => {
    await remove(`/products/${id}/managed-by`);
    notifyDone(words.released(product.name));
    await queryClient.invalidateQueries({ queryKey: keys.product(id) });
  };
  return (
    <Alert
      color={changes.length > 0 ? 'amber' : 'blue'}
      icon={isLocked ? <IconLock size={18} /> : <IconFileCode size={18} />}
      title={isLocked ? words.locked(managed_by) : words.drift(managed_by)}
    >
      <p className={classes.notice}>{isLocked ? words.lockedHint : words.driftHint}</p>
      {changes.length > 0 && (
        <>
          <p className={classes.notice}>{words.changes(changes.length)}</p>
          <ul className={classes.destroyed}>
            {changes.slice(0, NAMED_CHANGES).map(({ path }) => (
              <li key={path}>
                <code>{path}</code>
              </li>
            ))}
            {changes.length > NAMED_CHANGES && <li>{texts.status.andMore(changes.length - NAMED_CHANGES)}</li>}
          </ul>
        </>
      )}
      {isAdmin && (
        <Button variant="default" size="xs" onClick={() => setReleasing(true)}>
          {words.release}
        </Button>
      )}
      <Confirm
        opened={releasing}
        onClose={() => setReleasing(false)}
        title={words.release}
        confirmLabel={words.release}
        onConfirm={release}
      >
        <p>{words.releaseBody(managed_by)}</p>
      </Confirm>
    </Alert>
  );
}
