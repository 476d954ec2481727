import { Alert } from '@mantine/core';
import { IconCopy } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { texts } from '../texts';

/** Above every page of a restored copy, which receives and delivers nothing until somebody decides what it is. */
export function InstallationBanner() {
  const alive = useQuery({
    queryKey: ['installation'],
    queryFn: async ({ signal }) =>
      (await (await fetch('/healthz', { signal })).json()) as { installation_apart?: string },
    refetchInterval: 60_000,
  });
  const reason = alive.data?.installation_apart;
  if (!reason) return null;
  return (
    <Alert color="red" icon={<IconCopy size={18} />} title={texts.app.copy} mb="md">
      {texts.app.copyHint(reason)}
    </Alert>
  );
}
