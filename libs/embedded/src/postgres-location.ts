import { randomBytes } from 'node:crypto';
import { chownSync, existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { canEnter, type PostgresUser, SYSTEM_STATE_DIR } from './postgres-binaries';

/** In the data folder: says that the cluster lies elsewhere, and where. */
const MARKER = 'location.json';
/** Beside a cluster that lies elsewhere: says whose it is. */
const OWNER = 'owner.json';

/**
 * The folder of the cluster (PGDATA) for a data folder. Normally `cluster` inside it. Where the server's user can't get
 * there (we are root and the clone is below a 0700 folder) it lies below {@link SYSTEM_STATE_DIR}, and a marker in the
 * data folder leads to it.
 *
 * @throws when the data folder is a copy of another one that still exists: both would run on one cluster.
 */
export function locateCluster(dataDir: string, user: PostgresUser): string {
  mkdirSync(dataDir, { recursive: true, mode: 0o755 });
  const marker = join(dataDir, MARKER);
  if (existsSync(marker)) {
    return followMarker(marker, realpathSync(dataDir));
  }
  if (canEnter(dataDir, user)) {
    return ownedBy(user, join(dataDir, 'cluster'));
  }
  const home = join(SYSTEM_STATE_DIR, 'data', randomBytes(8).toString('hex'));
  mkdirSync(home, { recursive: true, mode: 0o755 });
  writeFileSync(join(home, OWNER), JSON.stringify({ data_dir: realpathSync(dataDir) }));
  const cluster = ownedBy(user, join(home, 'cluster'));
  writeFileSync(marker, JSON.stringify({ home }));
  return cluster;
}

function ownedBy(user: PostgresUser, cluster: string): string {
  mkdirSync(cluster, { recursive: true, mode: 0o700 });
  if (user.uid !== undefined && user.gid !== undefined) {
    chownSync(cluster, user.uid, user.gid);
  }
  return cluster;
}

function followMarker(marker: string, dataDir: string): string {
  const { home } = JSON.parse(readFileSync(marker, 'utf8')) as { home: string };
  const ownerFile = join(home, OWNER);
  if (!existsSync(ownerFile)) {
    throw new Error(`${marker} leads to ${home}, which is gone. Delete ${dataDir} to begin with an empty database.`);
  }
  const owner = JSON.parse(readFileSync(ownerFile, 'utf8')) as { data_dir: string };
  if (owner.data_dir !== dataDir) {
    if (existsSync(join(owner.data_dir, MARKER))) {
      throw new Error(
        `the database in ${home} belongs to ${owner.data_dir}, of which ${dataDir} is a copy. ` +
          `Delete ${dataDir} to begin with an empty database here.`,
      );
    }
    // The folder was moved: the cluster keeps belonging to it.
    writeFileSync(ownerFile, JSON.stringify({ data_dir: dataDir }));
  }
  return join(home, 'cluster');
}
