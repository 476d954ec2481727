import { Button, Group, Modal, Stack, Text, TextInput } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import { texts } from '../texts';
import { notifyFailure } from './notify';

interface ConfirmProps {
  opened: boolean;
  onClose: () => void;
  title: string;
  /** What is lost, by name. */
  children: ReactNode;
  confirmLabel: string;
  onConfirm: () => Promise<void>;
  /** To be typed before the button works, for what can't be brought back. */
  typeToConfirm?: string;
  typeLabel?: string;
  /** Nothing is destroyed: the button doesn't warn. */
  harmless?: true;
}

/** Asks before something is destroyed, or done to many things at once, and names it. */
export function Confirm(props: ConfirmProps) {
  const [typed, setTyped] = useState('');
  const [busy, setBusy] = useState(false);
  const close = () => {
    setTyped('');
    props.onClose();
  };
  const confirm = async () => {
    setBusy(true);
    try {
      await props.onConfirm();
      close();
    } catch (error) {
      notifyFailure(props.title, error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Modal opened={props.opened} onClose={close} title={props.title}>
      <Stack gap="md">
        <Text component="div">{props.children}</Text>
        {props.typeToConfirm && (
          <TextInput
            label={props.typeLabel}
            value={typed}
            onChange={(event) => setTyped(event.currentTarget.value)}
            autoComplete="off"
            data-autofocus
          />
        )}
        <Group justify="flex-end">
          <Button variant="default" onClick={close}>
            {texts.common.cancel}
          </Button>
          <Button
            color={props.harmless ? undefined : 'red'}
            loading={busy}
            disabled={props.typeToConfirm !== undefined && typed !== props.typeToConfirm}
            onClick={() => void confirm()}
          >
            {props.confirmLabel}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
