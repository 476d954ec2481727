import { Button, Group, Modal, Text } from '@mantine/core';
import { type RefObject, useEffect } from 'react';
import { useBlocker } from 'react-router';
import { texts } from '../texts';

interface Props {
  isDirty: boolean;
  /** Set just before the page is left because all is done: what is drawn may still be from before. */
  done?: RefObject<boolean>;
}

/** Asks before typed work is lost: by a link, by the browser's back, by closing the tab. */
export function UnsavedGuard({ isDirty, done }: Props) {
  const blocker = useBlocker(
    ({ currentLocation, nextLocation }) =>
      isDirty && !done?.current && currentLocation.pathname !== nextLocation.pathname,
  );
  useEffect(() => {
    if (!isDirty) return;
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener('beforeunload', ask);
    return () => window.removeEventListener('beforeunload', ask);
  }, [isDirty]);
  return (
    <Modal
      opened={blocker.state === 'blocked'}
      onClose={() => blocker.reset?.()}
      title={texts.common.unsavedTitle}
      size="sm"
    >
      <Text>{texts.common.unsavedBody}</Text>
      <Group justify="flex-end" mt="lg">
        <Button variant="default" color="red" onClick={() => blocker.proceed?.()}>
          {texts.common.leave}
        </Button>
        <Button onClick={() => blocker.reset?.()} data-autofocus>
          {texts.common.stay}
        </Button>
      </Group>
    </Modal>
  );
}
