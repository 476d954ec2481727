import { randomBytes } from 'node:crypto';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { hashPassword } from '@cortex-mqtt/secrets';
import { recordAudit, systemActor } from '../features/audit/audit-trail';
import { endSessions, revokeApiTokens } from '../features/auth/credentials';
import { passwordFaults } from '../features/auth/password-rules';
import { UserEntity } from '../model/user.entity';
import { type CommandContext, UsageError } from './command';
import { withDatabase } from './migrate.command';

/** Sets a password for somebody who is locked out, ends sessions and API tokens, and lifts sign-in limits. */
export async function resetPasswordCommand(context: CommandContext): Promise<number> {
  const { values, positionals } = parseArgs({
    args: context.args,
    options: { stdin: { type: 'boolean' }, enable: { type: 'boolean' }, 'keep-tokens': { type: 'boolean' } },
    allowPositionals: true,
  });
  const [address, ...rest] = positionals;
  if (address === undefined || rest.length > 0)
    throw new UsageError('use: reset-password EMAIL [--stdin] [--enable] [--keep-tokens]');
  const email = address.toLowerCase();
  const password = values.stdin
    ? (await text(process.stdin)).replace(/\r?\n$/, '')
    : randomBytes(15).toString('base64url');
  const [fault] = passwordFaults('password', password, email);
  if (fault) throw new UsageError(`the password ${fault.message}`);
  return withDatabase(context, async (dataSource) => {
    const user = await dataSource.getRepository(UserEntity).findOneBy({ email });
    if (user === null) {
      context.err(`there is no user ${email}`);
      return 1;
    }
    if (user.disabled && !values.enable) context.err('the user is disabled; --enable lets them in again');
    const password_hash = await hashPassword(password);
    await dataSource.transaction(async (manager) => {
      await manager.update(
        UserEntity,
        { id: user.id },
        { password_hash, ...(values.enable ? { disabled: false } : {}) },
      );
      await endSessions(manager, user.id);
      if (!values['keep-tokens']) await revokeApiTokens(manager, user.id);
      await manager.query('DELETE FROM login_failures');
      await recordAudit(manager, {
        actor: systemActor('reset-password'),
        action: 'user.reset_password',
        entity_type: 'user',
        entity_id: user.id,
        product_id: null,
        ...(values.enable && user.disabled ? { before: { disabled: true }, after: { disabled: false } } : {}),
      });
    });
    context.out(values.stdin ? `the password of ${email} is set` : `new password of ${email}: ${password}`);
    return 0;
  });
}
