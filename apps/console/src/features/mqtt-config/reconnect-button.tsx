import { Button } from '@mantine/core';
import { IconRefresh } from '@tabler/icons-react';
import { useState } from 'react';
import { get, post } from '../../api/client';
import type { ReconnectOutcome } from '../../api/types';
import { notifyDone, notifyFailure, notifyWarning } from '../../components/notify';
import { texts } from '../../texts';

const words = texts.status;
const POLL_INTERVAL_MS = 700;
const GIVE_UP_AFTER_MS = 15_000;

/** Lets every live listener reconnect, and tells how it went with each. */
export function ReconnectButton({ productId }: { productId: number }) {
  const [outcome, setOutcome] = useState<ReconnectOutcome | null>(null);
  const [busy, setBusy] = useState(false);
  const run = async () => {
    setBusy(true);
    try {
      const started = await post<ReconnectOutcome>(`/products/${productId}/mqtt-config/reconnect`);
      const ended = await waitForOutcome(productId, started, setOutcome);
      tell(ended);
    } catch (error) {
      notifyFailure(words.reconnect, error);
    } finally {
      setBusy(false);
      setOutcome(null);
    }
  };
  const done = outcome?.instances.filter((instance) => instance.outcome !== 'pending').length ?? 0;
  return (
    <Button
      size="compact-sm"
      variant="default"
      leftSection={<IconRefresh size={15} />}
      loading={busy && outcome === null}
      disabled={busy}
      onClick={() => void run()}
    >
      {words.reconnect}
      {outcome && outcome.instances.length > 0 ? ` ${done}/${outcome.instances.length}` : ''}
    </Button>
  );
}

async function waitForOutcome(
  productId: number,
  started: ReconnectOutcome,
  onOutcome: (outcome: ReconnectOutcome) => void,
): Promise<ReconnectOutcome> {
  const giveUpAt = Date.now() + GIVE_UP_AFTER_MS;
  let outcome = started;
  do {
    outcome = await get<ReconnectOutcome>(`/products/${productId}/mqtt-config/reconnect/${started.id}`);
    onOutcome(outcome);
    if (outcome.state === 'done') break;
    await new Promise((resolve) => setTimeout(resolve, POLL_INTERVAL_MS));
  } while (Date.now() < giveUpAt);
  return outcome;
}

function tell(outcome: ReconnectOutcome): void {
  const { instances } = outcome;
  const failed = instances.filter((instance) => instance.outcome === 'failed');
  const silent = instances.filter((instance) => instance.outcome === 'pending' || instance.outcome === 'gone');
  if (instances.length === 0) notifyWarning(words.reconnect, words.reconnectNone);
  else if (failed.length > 0) {
    const who = failed.map(({ instance_id, reason }) => (reason ? `${instance_id} (${reason})` : instance_id));
    notifyWarning(words.reconnectFailedTitle, words.reconnectFailed(who.join(', ')));
  } else if (silent.length > 0) notifyWarning(words.reconnectFailedTitle, words.reconnectLater);
  else notifyDone(words.reconnectDone(instances.length));
}
