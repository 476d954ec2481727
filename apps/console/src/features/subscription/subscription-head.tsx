import { ActionIcon, Anchor, Menu, SegmentedControl, Switch } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconArrowLeft, IconDots, IconTrash } from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate } from 'react-router';
import { remove } from '../../api/client';
import { keys } from '../../api/keys';
import { writeUnlessChanged } from '../../api/write-unless-changed';
import { Confirm } from '../../components/confirm';
import { notifyDone } from '../../components/notify';
import { texts } from '../../texts';
import classes from './subscription-page.module.css';
import { same } from '../mqtt-config/config-draft';
import { draftOfSubscription } from './subscription-draft';
import { readSubscription, type TaggedSubscription } from './subscription-query';
import type { SubscriptionDraftState } from './use-subscription-draft';

const words = texts.subscription;

/** Name, switch, view and what can be done with the subscription as a whole. */
export function SubscriptionHead({
  state,
  loaded,
  productId,
  readOnly,
  view,
  onView,
  keepView,
  onDeleted,
}: {
  state: SubscriptionDraftState;
  loaded: TaggedSubscription | null;
  productId: number;
  readOnly: boolean;
  view: 'pipeline' | 'json';
  onView: (view: 'pipeline' | 'json') => void;
  /** Something is typed that only this view can hold. */
  keepView: boolean;
  /** Just before its page is left. */
  onDeleted: () => void;
}) {
  const { draft } = state;
  const [deleting, confirm] = useDisclosure(false);
  const navigate = useNavigate();
  const queryClient = useQueryClient();
  const list = `/products/${productId}/mqtt-config`;
  const destroy = async () => {
    if (!loaded) return;
    const { subscription, etag } = loaded;
    await writeUnlessChanged({
      seen: { value: draftOfSubscription(subscription), etag },
      readNewest: async () => {
        const newest = await readSubscription(productId, subscription.id);
        return { value: draftOfSubscription(newest.subscription), etag: newest.etag };
      },
      isSame: same,
      write: (ifMatch) => remove(`/products/${productId}/mqtt-config/subscriptions/${subscription.id}`, { ifMatch }),
    });
    onDeleted();
    void queryClient.invalidateQueries({ queryKey: keys.mqttConfig(productId) });
    notifyDone(words.deleted(subscription.name));
    await navigate(list);
  };
  return (
    <header className={classes.head}>
      <title>{`${draft.name || words.newTitle} · cortex-mqtt`}</title>
      <Anchor component={Link} to={`${list}#subscriptions`} className={classes.back}>
        <IconArrowLeft size={15} aria-hidden />
        {words.back}
      </Anchor>
      <div className={classes.headRow}>
        <h1 className={classes.heading}>{draft.name || words.newTitle}</h1>
        <Switch
          label={words.fields.enabled}
          checked={draft.enabled}
          disabled={readOnly}
          onChange={(event) => state.set({ enabled: event.currentTarget.checked })}
        />
        <SegmentedControl
          size="xs"
          aria-label={words.view}
          value={view}
          disabled={keepView}
          onChange={(value) => onView(value as 'pipeline' | 'json')}
          data={[
            { value: 'pipeline', label: words.pipeline },
            { value: 'json', label: words.json },
          ]}
        />
        {loaded && !readOnly && (
          <Menu>
            <Menu.Target>
              <ActionIcon variant="default" size="md" aria-label={texts.common.more}>
                <IconDots size={18} />
              </ActionIcon>
            </Menu.Target>
            <Menu.Dropdown>
              <Menu.Item color="red" leftSection={<IconTrash size={16} />} onClick={confirm.open}>
                {words.delete}
              </Menu.Item>
            </Menu.Dropdown>
          </Menu>
        )}
      </div>
      <Confirm
        opened={deleting}
        onClose={confirm.close}
        title={words.delete}
        confirmLabel={words.delete}
        onConfirm={destroy}
      >
        {words.deleteBody(loaded?.subscription.name ?? '')}
      </Confirm>
    </header>
  );
}
