import { SMTPServer } from 'smtp-server';

export interface Mailbox {
  port: number;
  /** Whole messages as they came, oldest first. */
  mails: string[];
  /** Refuses every recipient from now on. */
  refuse(is_refusing: boolean): void;
  close(): Promise<void>;
}

/** A real SMTP server on loopback that keeps what it is sent. */
export async function startMailbox(): Promise<Mailbox> {
  const mails: string[] = [];
  let is_refusing = false;
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    logger: false,
    onRcptTo: (_address, _session, done) => done(is_refusing ? new Error('mailbox unavailable') : null),
    onData: (stream, _session, done) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        mails.push(Buffer.concat(chunks).toString('utf8'));
        done();
      });
    },
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.server.address() as { port: number }).port,
    mails,
    refuse: (value) => {
      is_refusing = value;
    },
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}
