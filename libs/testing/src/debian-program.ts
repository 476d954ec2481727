import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Where distributions keep daemons; a normal user's PATH lacks these. */
const DAEMON_FOLDERS = ['/usr/sbin', '/usr/local/sbin', '/sbin', '/opt/homebrew/sbin', '/opt/homebrew/bin'];

/**
 * The path of a program that comes from a Debian package, not from npm.
 *
 * @throws with the command that installs it when it is missing. Tests that need it fail then: they are never skipped.
 */
export function findProgram(name: string, debianPackage: string): string {
  for (const folder of [...(process.env.PATH ?? '').split(delimiter), ...DAEMON_FOLDERS]) {
    const file = join(folder, name);
    if (folder !== '' && existsSync(file)) {
      return file;
    }
  }
  throw new Error(
    `"${name}" is not installed; install it with: apt-get install --no-install-recommends ${debianPackage}`,
  );
}
