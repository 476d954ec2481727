import { Alert, Button, Code, Group, Modal, Stack, Text } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import type { IssuedInvitation } from '../../api/types';
import { CopyButton } from '../../components/copy-button';
import { Time } from '../../components/time';
import classes from '../../components/token-dialog.module.css';
import { texts } from '../../texts';

const words = texts.users;

/** The link of an invitation, shown once. */
export function InvitationLink({
  email,
  invitation,
  onClose,
}: {
  email: string;
  invitation: IssuedInvitation;
  onClose: () => void;
}) {
  const link = new URL(invitation.url, window.location.origin).href;
  return (
    <Modal opened onClose={onClose} title={words.invitationFor(email)} size="lg" closeOnClickOutside={false}>
      <Stack>
        <Alert color="amber" icon={<IconAlertTriangle size={18} />} p="sm">
          {words.invitationOnce}
        </Alert>
        <div className={classes.token}>
          <Code className={classes.value}>{link}</Code>
          <CopyButton value={link} what={words.invitationFor(email)} />
        </div>
        <Text size="sm">
          {words.invitationEnds} <Time at={invitation.expires_at} />
        </Text>
        <Group justify="flex-end">
          <Button onClick={onClose}>{texts.common.close}</Button>
        </Group>
      </Stack>
    </Modal>
  );
}
