import { Code } from '@mantine/core';
import classes from './command-block.module.css';
import { CopyButton } from './copy-button';

/** A command to be run elsewhere, with a button that copies it. `what`: its name for who can't see it. */
export function CommandBlock({ command, what }: { command: string; what: string }) {
  return (
    <div className={classes.command}>
      <Code block className={classes.code}>
        {command}
      </Code>
      <span className={classes.copy}>
        <CopyButton value={command} what={what} />
      </span>
    </div>
  );
}
