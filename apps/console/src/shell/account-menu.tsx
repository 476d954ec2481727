import { Avatar, Menu, SegmentedControl, UnstyledButton, useMantineColorScheme } from '@mantine/core';
import { IconKey, IconLogout, IconSelector } from '@tabler/icons-react';
import { Link, useNavigate } from 'react-router';
import { notifyFailure } from '../components/notify';
import { texts } from '../texts';
import classes from './account-menu.module.css';
import { useSignOut, useUser } from './session';

export function AccountMenu() {
  const user = useUser();
  const signOut = useSignOut();
  const navigate = useNavigate();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const leave = async () => {
    try {
      await signOut();
      await navigate('/sign-in');
    } catch (error) {
      notifyFailure(texts.nav.signOut, error);
    }
  };
  return (
    <Menu width="target" position="top-start" offset={6}>
      <Menu.Target>
        <UnstyledButton className={classes.account} aria-label={texts.nav.account}>
          <Avatar size={28} radius="xl" color="cortex" name={user.name || user.email} />
          <span className={classes.who}>
            <span className={classes.name}>{user.name || user.email}</span>
            <span className={classes.role}>{user.role}</span>
          </span>
          <IconSelector size={16} aria-hidden />
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{user.email}</Menu.Label>
        <Menu.Item component={Link} to="/account" leftSection={<IconKey size={16} />}>
          {texts.nav.profile}
        </Menu.Item>
        <Menu.Label>{texts.nav.theme}</Menu.Label>
        <SegmentedControl
          fullWidth
          size="xs"
          aria-label={texts.nav.theme}
          value={colorScheme}
          onChange={(value) => setColorScheme(value as typeof colorScheme)}
          data={[
            { value: 'auto', label: texts.nav.system },
            { value: 'light', label: texts.nav.light },
            { value: 'dark', label: texts.nav.dark },
          ]}
        />
        <Menu.Divider />
        <Menu.Item leftSection={<IconLogout size={16} />} onClick={() => void leave()}>
          {texts.nav.signOut}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
