import { Button, Group, Text } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { IconAlertTriangleFilled, IconCircleCheckFilled, IconCircleXFilled } from '@tabler/icons-react';
import { messageOf } from '../api/problem';
import { texts } from '../texts';

interface Undo {
  label?: string;
  run: () => void;
}

/** It worked; with a way back where there is one. */
export function notifyDone(message: string, undo?: Undo): void {
  const id = notifications.show({
    icon: <IconCircleCheckFilled size={18} />,
    color: 'green',
    autoClose: undo ? 8_000 : 4_000,
    message: undo ? (
      <Group justify="space-between" wrap="nowrap" gap="sm">
        <Text size="sm">{message}</Text>
        <Button
          size="compact-sm"
          variant="default"
          onClick={() => {
            notifications.hide(id);
            undo.run();
          }}
        >
          {undo.label ?? texts.common.undo}
        </Button>
      </Group>
    ) : (
      message
    ),
  });
}

export function notifyWarning(title: string, message: string): void {
  notifications.show({ icon: <IconAlertTriangleFilled size={18} />, color: 'amber', autoClose: 9_000, title, message });
}

/** It did not work, and why; stays until it is closed. */
export function notifyFailure(title: string, error: unknown): void {
  notifications.show({
    icon: <IconCircleXFilled size={18} />,
    color: 'red',
    autoClose: false,
    title,
    message: messageOf(error) || texts.common.offline,
  });
}
